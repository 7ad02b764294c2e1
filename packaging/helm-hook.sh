#!/bin/sh
# Helm runs this after `helm plugin install` and `helm plugin update`. It puts the program of plugin.yaml's version into
# the plugin's bin/, unless it is there (a packaged plugin brings it along).
#
#   ZADIG_DOCTOR_ARCHIVE  take this release archive instead of fetching one; checksums.txt lies beside it
#   ZADIG_DOCTOR_URL      fetch from this mirror: archives and checksums.txt lie below it in vVERSION/
set -eu

plugin=${HELM_PLUGIN_DIR:?is not set: Helm runs this script, after helm plugin install}
version=$(sed -n 's/^version: *//p' "$plugin/plugin.yaml")
releases=${ZADIG_DOCTOR_URL:-https://github.com/zadig-doctor/zadig-doctor/releases/download}/v$version
program=$plugin/bin/zadig-doctor
work=$plugin/.install.$$

# Whether that file is the program of this version, and runs here.
runs() {
    [ -x "$1" ] && [ "$("$1" -V 2>/dev/null)" = "zadig-doctor $version" ]
}

# Says what is wrong and how to go on. Nothing half-done is left behind; a program that was there before stays.
fail() {
    rm -rf "$work"
    cat >&2 <<END
zadig-doctor: $1
  Helm knows the plugin now, but it has no program yet that is version $version. Take one of these ways:
  - try again, with the same source as before:
      helm plugin uninstall doctor && helm plugin install SOURCE
  - the same with an archive that was fetched by other means; checksums.txt must lie beside it:
      helm plugin uninstall doctor && ZADIG_DOCTOR_ARCHIVE=zadig-doctor-$version-OS-ARCH.tar.gz helm plugin install SOURCE
  - the same with a mirror that holds both below v$version/:
      helm plugin uninstall doctor && ZADIG_DOCTOR_URL=https://MIRROR helm plugin install SOURCE
  - build it, with Rust, in a checkout of v$version:
      cargo build --release --locked && mkdir -p '$plugin/bin' && cp target/release/zadig-doctor '$plugin/bin/'
END
    exit 1
}

# The platform as the archives name it.
platform() {
    case $(uname -s) in
        Linux) os=linux ;;
        Darwin) os=darwin ;;
        *) fail "there is no archive for $(uname -s)" ;;
    esac
    case $(uname -m) in
        x86_64 | amd64) arch=amd64 ;;
        aarch64 | arm64) arch=arm64 ;;
        *) fail "there is no archive for $(uname -s) on $(uname -m)" ;;
    esac
    echo "$os-$arch"
}

# URL FILE: gives up in good time where there is no network.
fetch() {
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 10 --max-time 300 -o "$2" "$1" || fail "could not fetch $1"
    elif command -v wget >/dev/null; then
        wget -q -T 20 -t 2 -O "$2" "$1" || fail "could not fetch $1"
    else
        fail "neither curl nor wget is there to fetch $1"
    fi
}

sha256() {
    if command -v sha256sum >/dev/null; then
        sha256sum "$1"
    elif command -v shasum >/dev/null; then
        shasum -a 256 "$1"
    else
        openssl dgst -r -sha256 "$1" || fail "neither sha256sum nor shasum nor openssl is there to verify $1"
    fi
}

if runs "$program"; then
    exit 0
fi
if runs "$plugin/target/release/zadig-doctor"; then
    # A checkout in which somebody builds: what they build next is what runs next.
    mkdir -p "$plugin/bin"
    ln -sf ../target/release/zadig-doctor "$program"
    echo "zadig-doctor: helm doctor runs what is built in target/release of this checkout"
    exit 0
fi

trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
rm -rf "$work"
mkdir "$work"
if [ -n "${ZADIG_DOCTOR_ARCHIVE:-}" ]; then
    archive=$ZADIG_DOCTOR_ARCHIVE
    checksums=$(dirname "$archive")/checksums.txt
    [ -f "$archive" ] || fail "there is no file $archive (ZADIG_DOCTOR_ARCHIVE)"
    [ -f "$checksums" ] || fail "there is no $checksums to verify the archive with; it is published beside the archives"
else
    name=zadig-doctor-$version-$(platform).tar.gz || exit 1
    archive=$work/$name
    checksums=$work/checksums.txt
    echo "zadig-doctor: fetching $releases/$name"
    fetch "$releases/checksums.txt" "$checksums"
    fetch "$releases/$name" "$archive"
fi

name=$(basename "$archive")
wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $name\$/\1/p" "$checksums")
[ -n "$wanted" ] || fail "checksums.txt does not name $name"
found=$(sha256 "$archive") || exit 1
found=${found%% *}
[ "$found" = "$wanted" ] || fail "$name is damaged, or not what was published: its sha256 is $found, not $wanted"

tar -xzf "$archive" -C "$work" bin/zadig-doctor || fail "cannot unpack $name"
runs "$work/bin/zadig-doctor" || fail "the program in $name does not run here, or is not version $version"
mkdir -p "$plugin/bin"
mv -f "$work/bin/zadig-doctor" "$program"
echo "zadig-doctor: installed $version; helm doctor --help"
