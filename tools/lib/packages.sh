# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# packages - which Debian packages are missing, and how they get installed.
#
# Sourced by tools/dev, tools/test and tools/bench; the caller sets `yes` (1
# after --yes) and may call packages_ensure more than once. When nothing is
# missing this costs one or two dpkg-query calls. Nothing that is installed is
# ever removed (--no-remove).

# What the server needs, LuaJIT apart (see pick_luajit).
server_packages=(gcc cmake ninja-build pkg-config libc6-dev libuv1-dev libssl-dev
    libcjson-dev zlib1g-dev libsqlite3-dev node-llhttp)

say() {
    printf '%s\n' "$*" >&2
}

# Exit 69, "unavailable": something that we need is not there.
unavailable() {
    say "$*"
    exit 69
}

is_debian() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null
}

# Those of the named packages that are not installed, one a line.
not_installed() {
    local name have
    have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for name in "$@"; do
        grep -qxF "installed $name" <<<"$have" || echo "$name"
    done
}

# Would installing these remove something, or is one of them unknown?
can_install() {
    LC_ALL=C apt-get -s --no-remove --no-install-recommends install "$@" >/dev/null 2>&1
}

# Has apt never fetched its lists, or does it not know one of these?
lists_are_stale() {
    local known
    known=$(LC_ALL=C apt-cache policy "$@" 2>/dev/null | grep -c '^  Candidate: [^(]' || true)
    [ "$known" -lt $# ]
}

# Debian has two LuaJITs that exclude each other. OpenResty's branch is the
# better one (the other ends nested pairs loops early, LuaJIT issue 827), but
# whichever is there stays.
pick_luajit() {
    pkg-config --exists luajit 2>/dev/null && return
    if can_install "$@" libluajit-5.1-dev && ! can_install "$@" libluajit2-5.1-dev; then
        echo libluajit-5.1-dev
    else
        echo libluajit2-5.1-dev
    fi
}

# "to download: 12 MB, on disk: 60 MB" for these packages, with all they bring
# along. Works without root.
describe_size() {
    LC_ALL=C apt-get install -y --print-uris --no-remove --no-install-recommends "$@" \
        2>/dev/null | sed -n -E \
        -e 's/^Need to get (.*) of archives\.$/to download: \1, /p' \
        -e 's/^After this operation, (.*) of additional disk space will be used\.$/on disk: \1/p' |
        tr -d '\n'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

fetch_lists() {
    say "Fetching the package lists (apt-get update)."
    as_root apt-get update -q >&2 || unavailable "apt-get update failed; is there a network?"
}

install_now() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-remove \
        --no-install-recommends "$@" >&2
}

# May we use sudo? Asks once: --yes stands for the answer, a terminal is needed
# for the answer or the password. A sudo that needs no password needs neither.
is_agreed() {
    local answer
    command -v sudo >/dev/null || return 1
    if ! { [ -t 0 ] && [ -t 2 ]; }; then
        [ "${yes:-0}" = 1 ] && sudo -n true 2>/dev/null
        return
    fi
    if [ "${yes:-0}" != 1 ]; then
        printf 'Install them now with sudo? [Y/n] ' >&2
        read -r answer || return 1
        case $answer in
            "" | [Yy]*) ;;
            *) return 1 ;;
        esac
    fi
    sudo -v
}

# Nobody to ask, or no right to install: the exact line, and exit 69.
refuse_with_line() {
    local sudo='sudo ' line=''
    if [ "$1" = 1 ]; then
        line="apt-get update && "
    fi
    shift
    if command -v sudo >/dev/null; then
        say "Please run this line, then start again:"
    else
        sudo=''
        say "Please run this line as root, then start again:"
    fi
    say "  ${line:+$sudo$line}${sudo}apt-get install -y --no-remove --no-install-recommends $*"
    exit 69
}

# Systems without apt: we cannot install there, but perhaps all is there
# already. pkg-config knows the libraries by other names than Debian does.
ensure_elsewhere() {
    local tool lacking=()
    for tool in cc cmake ninja pkg-config; do
        command -v "$tool" >/dev/null || lacking+=("$tool")
    done
    if [ ${#lacking[@]} -eq 0 ]; then
        for tool in libuv openssl luajit libcjson zlib sqlite3; do
            pkg-config --exists "$tool" || lacking+=("$tool")
        done
    fi
    [ ${#lacking[@]} -eq 0 ] && return
    say "This system has no apt-get, and lacks: ${lacking[*]}."
    unavailable "On Debian 12 the packages are: ${server_packages[*]} libluajit2-5.1-dev"
}

# packages_ensure NAME...: the server's packages and those named are installed
# when this returns; else the script has ended with 69.
packages_ensure() {
    local missing=() luajit=() update=0

    if ! is_debian; then
        ensure_elsewhere
        return
    fi
    mapfile -t missing < <(not_installed "${server_packages[@]}" "$@")
    mapfile -t luajit < <(pick_luajit "${missing[@]}")
    [ $((${#missing[@]} + ${#luajit[@]})) -gt 0 ] || return 0

    # Old or empty lists: fetch them first, so that sizes and the choice of
    # LuaJIT rest on facts. Only root does so without asking.
    if lists_are_stale "${missing[@]}" "${luajit[@]}"; then
        update=1
        if [ "$(id -u)" = 0 ]; then
            fetch_lists
            update=0
            mapfile -t luajit < <(pick_luajit "${missing[@]}")
        fi
    fi

    say "These Debian packages are missing:"
    say "  ${missing[*]}${luajit[*]:+ ${luajit[*]}}"
    if [ "$update" = 1 ]; then
        say "  (the package lists are empty or old, so the size is not known yet)"
    else
        say "  $(describe_size "${missing[@]}" "${luajit[@]}")"
    fi
    [ "$(id -u)" = 0 ] || is_agreed ||
        refuse_with_line "$update" "${missing[@]}" "${luajit[@]}"
    if [ "$update" = 1 ]; then
        fetch_lists
        mapfile -t luajit < <(pick_luajit "${missing[@]}")
    fi
    install_now "${missing[@]}" "${luajit[@]}" && return
    # The lists may name versions that the mirrors have dropped since.
    fetch_lists
    install_now "${missing[@]}" "${luajit[@]}" ||
        unavailable "The packages could not be installed; apt-get has said why."
}
