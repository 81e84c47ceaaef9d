# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# peers - node, npm and the packages of tools/benches/package.json, for benchmarks
# that measure against them.

# shellcheck source=../../lib/packages.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/packages.sh"

ensure_peers() {
    local here names=()
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
    command -v node >/dev/null || names+=(nodejs)
    command -v npm >/dev/null || names+=(npm)
    # shellcheck disable=SC2034 # read by packages_ensure
    yes=${yes:-0}
    [ ${#names[@]} -eq 0 ] || packages_ensure "${names[@]}"
    # npm writes .package-lock.json last, so it tells when node_modules was made.
    local lock=$here/package-lock.json made=$here/node_modules/.package-lock.json
    if [ ! -f "$made" ] || [ "$lock" -nt "$made" ]; then
        (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 ||
            unavailable "npm could not install the packages of tools/benches/package.json."
    fi
}
