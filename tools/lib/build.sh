# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# build - configure a build folder once, and bring it up to date.
#
# Sourced by tools/dev, tools/test and tools/bench, with `root` set to the
# project's folder. Ninja's progress goes to stderr, so that stdout holds
# nothing but results.

# build FOLDER TARGETS [cmake options]: TARGETS is one word, or several in one
# string; empty means all. Returns what cmake or ninja returned.
build() {
    local folder=$root/build/$1 targets=$2
    shift 2

    # A cache from another place (a moved or copied tree) is of no use.
    if [ ! -f "$folder/build.ninja" ] ||
        ! grep -qx "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        cmake --fresh -S "$root" -B "$folder" -G Ninja "$@" >&2 || return
    fi
    # shellcheck disable=SC2086 # several targets in one string
    ninja -C "$folder" $targets >&2
}
