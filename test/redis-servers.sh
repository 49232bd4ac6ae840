#!/bin/sh
# Unpacks Valkey 8 and Redis 8 for the scenario tests from packages of other Debian suites, through the mirror that this
# machine's apt is already configured with. Nothing is installed. Usage: redis-servers.sh FOLDER
# Leaves FOLDER/valkey-server-8 and FOLDER/redis-server-8; what cannot be had is left out, with a note on stderr.
set -u
folder=$1
mkdir -p "$folder" && folder=$(cd "$folder" && pwd) || exit 1
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "NOTE: no apt-get here" >&2; exit 0; }
mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null)
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' /etc/apt/sources.list 2>/dev/null)
[ -n "$mirror" ] || { echo "NOTE: apt names no mirror here" >&2; exit 0; }

# unpack SUITE INTO PACKAGE...
unpack() {
  suite=$1 into=$2; shift 2
  work=$(mktemp -d) || return 1
  chmod 755 "$work"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$into"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$work/one.list"
  apt="apt-get -q -o Dir::Etc::sourcelist=$work/one.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$work/lists
    -o Dir::Cache=$work/cache -o Acquire::Languages=none -o Acquire::Retries=1 -o Debug::NoLocking=true"
  [ "$(id -u)" -ne 0 ] || apt="$apt -o APT::Sandbox::User=root"
  $apt update >/dev/null 2>&1 &&
    (cd "$work/cache" && $apt download "$@" >/dev/null 2>&1 && for package in *.deb; do dpkg-deb -x "$package" "$into" || exit 1; done)
  result=$?
  rm -rf "$work"
  return $result
}

if unpack bookworm-backports "$folder/valkey8" valkey-server valkey-tools; then
  ln -sf "$folder/valkey8/usr/bin/valkey-server" "$folder/valkey-server-8"
else
  echo "NOTE: Valkey 8 could not be unpacked" >&2
fi

# Built against a newer C library than Debian 12's: it comes along, and its loader starts the program.
if unpack trixie "$folder/redis8" redis-server redis-tools libc6 libsystemd0 libssl3t64 libatomic1 libjemalloc2 liblzf1 \
  libhiredis1.1.0 liblua5.1-0 lua-cjson lua-bitop zlib1g libstdc++6 libgcc-s1 libzstd1 libcap2; then
  libraries=$(dirname "$(find "$folder/redis8/usr/lib" -name 'libc.so.6' | head -n 1)")
  loader=$(find "$libraries" -name 'ld-linux-*.so.*' | head -n 1)
  cat > "$folder/redis-server-8" <<END
#!/bin/sh
exec "$loader" --argv0 redis-server --library-path "$libraries" "$folder/redis8/usr/bin/redis-server" "\$@"
END
  chmod +x "$folder/redis-server-8"
else
  echo "NOTE: Redis 8 could not be unpacked" >&2
fi
