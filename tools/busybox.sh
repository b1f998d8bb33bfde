#!/bin/sh
# Makes an OCI image on the spot, without any registry: busybox with its programs, in an OCI layout.
#
#   tools/busybox.sh LAYOUT [TAG]      LAYOUT is created; such as /var/lib/aquarium/images/local/busybox, TAG: 1
#
# Needs the packages busybox-static and umoci. Does nothing if the layout is there already.
set -eu
layout=${1:?the directory of the layout}
tag=${2:-1}
[ ! -e "$layout/index.json" ] || exit 0
for program in busybox umoci; do
    command -v "$program" >/dev/null || {
        echo "busybox.sh: $program is not installed" >&2
        exit 1
    }
done

parent=$(dirname "$layout")
mkdir -p "$parent"
work=$(mktemp -d "$parent/.busybox.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 143' INT TERM
umoci init --layout "$work/layout"
umoci new --image "$work/layout:$tag"
umoci unpack --image "$work/layout:$tag" "$work/bundle" >/dev/null
root=$work/bundle/rootfs
mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/home/user" "$root/var"
chmod 1777 "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\nextra:x:1001:user\n' >"$root/etc/group"
chown 1000:1000 "$root/home/user"
umoci repack --image "$work/layout:$tag" "$work/bundle" >/dev/null
umoci config --image "$work/layout:$tag" --config.cmd /bin/sh --config.env PATH=/bin --config.env FROM=image \
    --config.workingdir /home
umoci gc --layout "$work/layout" >/dev/null
mv "$work/layout" "$layout"
