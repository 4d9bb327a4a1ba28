#!/usr/bin/env bash
# Builds the Dockerfile's targets without Docker, and runs them as confined as compose.yaml does.
#
#   apt-get install buildah debootstrap
#   TORCH_INDEX=<index of CPU builds> docs/deploy/check-images.sh bot inference-cpu
#
# As root. BASE names the image to build on. Without it, a Debian 12 with its own Python 3.11 stands in for
# python:3.11-slim-bookworm, so no registry of images is needed. PIP_CONFIG is handed in as the secret `pip`;
# MOUNTS are folders that the builds may read, such as certificates and local indexes.
set -euo pipefail
cd "$(dirname "$0")/../.."

WORK=$(mktemp --directory)
trap 'cleanup' EXIT
CONTAINERS=()
cleanup() {
    for container in "${CONTAINERS[@]}"; do buildah rm "$container" > /dev/null; done
    rm -rf "$WORK"
}

for tool in buildah unshare setpriv; do
    command -v "$tool" > /dev/null || { echo "skipped: needs $tool" >&2; exit 0; }
done

stand_in() {
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$WORK/root" > "$WORK/log" 2>&1 \
        || { tail "$WORK/log" >&2; exit 1; }
    ln --symbolic /usr/bin/python3 "$WORK/root/usr/local/bin/python"
    rm -rf "$WORK"/root/var/cache/apt/archives/*.deb "$WORK"/root/var/lib/apt/lists/*
    local container
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$WORK/root" / > /dev/null
    buildah commit --quiet --rm "$container" localhost/python-stand-in > /dev/null
    rm -rf "$WORK/root"
}

build() {
    local options=(--format docker --isolation chroot --layers --build-arg "PYTHON=$BASE")
    [ -z "${TORCH_INDEX:-}" ] || options+=(--build-arg "TORCH_INDEX=$TORCH_INDEX")
    [ -z "${PIP_CONFIG:-}" ] || options+=(--secret "id=pip,src=$PIP_CONFIG")
    for folder in /etc/ssl/certs ${MOUNTS:-}; do options+=(--volume "$folder:$folder:ro"); done
    buildah bud "${options[@]}" --target "$1" --tag "glassbox-$1" . > "$WORK/log" 2>&1 || { tail -n 30 "$WORK/log" >&2; exit 1; }
}

# Run a command in an image: its user and environment, a read-only root, no capabilities, a /tmp and a /data of its own.
confined() {
    local root=$1 variables
    shift
    variables=$(printf '%s\n' "$ENVIRONMENT" "${SETTINGS:-}")
    ROOT=$root DATA=$WORK/data VARIABLES=$variables unshare --mount --pid --fork --kill-child bash -c '
        set -eu
        mount --bind "$ROOT" "$ROOT"
        mount --bind "$DATA" "$ROOT/data"
        mount -t tmpfs tmpfs "$ROOT/tmp"
        mount -t proc proc "$ROOT/proc"
        mount --rbind /dev "$ROOT/dev"
        mount -t tmpfs tmpfs "$ROOT/dev/shm"
        mount -o remount,bind,ro "$ROOT"
        mapfile -t pairs < <(printf "%s" "$VARIABLES" | grep .)
        exec chroot "$ROOT" /usr/bin/setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs \
            --bounding-set -all --inh-caps -all /usr/bin/env --ignore-environment --chdir=/data "${pairs[@]}" "$@"
    ' confined "$@"
}

expect() {
    local what=$1 wanted=$2 got
    shift 2
    got=$("$@" 2>&1) || true
    if grep --quiet --extended-regexp "$wanted" <<< "$got"; then
        echo "ok      $TARGET: $what"
    else
        printf 'FAILED  %s: %s\n%s\n' "$TARGET" "$what" "$(tail -n 15 <<< "$got")" >&2
        FAILED=1
    fi
}

# Start `serve`, wait until it serves, and stop it. Print the status of /readyz, and its last line.
serves() {
    SETTINGS=$(printf '%s\n' "SERVE_ADDRESS=127.0.0.1:$PORT" INFERENCE_KEY=key PRESET=starter DRAIN_SECONDS=5) \
        confined "$1" python -m bot serve > "$WORK/serve" 2>&1 &
    local outer=$! inner ready
    for _ in $(seq 150); do
        kill -0 "$outer" 2> /dev/null || break
        ! grep --quiet '^Serving' "$WORK/serve" || break
        sleep 2
    done
    ready=$(python3 -c "import urllib.request as web; print(web.urlopen('http://127.0.0.1:$PORT/readyz', timeout=30).status)") || true
    inner=$(pgrep --parent "$(pgrep --parent "$outer" || echo 0)") && kill -TERM "$inner"
    wait "$outer" || { echo "exit status $?"; cat "$WORK/serve"; }
    echo "$ready $(tail -n 1 "$WORK/serve")"
}

PORT=${PORT:-18431}
WRITABLE='
import contextlib, os
found = []
for folder in ("/", "/opt/glassbox/source/bot", "/usr/bin", "/data", "/tmp"):
    with contextlib.suppress(OSError), open(os.path.join(folder, "written"), "w"):
        found.append(folder)
print(*found)
'
HEAVY='
from importlib.util import find_spec
print([name for name in ("torch", "transformers", "ray") if find_spec(name)])
'

FAILED=0
BASE=${BASE:-localhost/python-stand-in}
[ "$BASE" != localhost/python-stand-in ] || buildah inspect "$BASE" > /dev/null 2>&1 || stand_in
[ $# -gt 0 ] || set -- bot inference-cpu
for TARGET in "$@"; do
    build "$TARGET"
    echo "built   $TARGET on $BASE: $(buildah images --format '{{.Size}}' "localhost/glassbox-$TARGET" | head -n 1)"
    container=$(buildah from --pull-never "localhost/glassbox-$TARGET")
    CONTAINERS+=("$container")
    root=$(buildah mount "$container")
    ENVIRONMENT=$(buildah inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$container")
    install --directory --owner=10001 --group=10001 "$WORK/data"
    expect "is not root" '^10001$' confined "$root" id -u
    expect "has no capabilities" 'CapEff:\s0{16}' confined "$root" cat /proc/self/status
    expect "writes to /data and /tmp only" '^/data /tmp$' confined "$root" python -c "$WRITABLE"
    expect "knows its commands" 'python -m bot' confined "$root" python -m bot --help
    SETTINGS=QUEUE_SIZE=none \
        expect "ends with one sentence if a setting is wrong" '^QUEUE_SIZE must be' confined "$root" python -m bot run
    expect "has no compiler and no pip configuration" '^0$' bash -c "ls '$root'/etc/pip.conf '$root'/usr/bin/gcc 2> /dev/null | wc -l"
    case $TARGET in
        bot) expect "has no torch" '^\[\]$' confined "$root" python -c "$HEAVY" ;;
        *)
            expect "imports torch and Ray" '^2\.' confined "$root" python -c 'import ray, torch; print(torch.__version__)'
            expect "serves, and stops when it is told to" '^200 Stopped\.$' serves "$root"
            ;;
    esac
    rm -rf "$WORK/data"
done
exit "$FAILED"
