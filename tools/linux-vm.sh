#!/bin/sh
# Makes a kernel and an initramfs for a small virtual machine on the spot: Debian's kernel for clouds, and busybox.
#
#   tools/linux-vm.sh DIRECTORY      makes DIRECTORY/linux/vmlinuz and DIRECTORY/linux/initramfs, such as in
#                                    /var/lib/aquarium/machines, which tools/examples/linux-vm.yml names
#
# The machine says on its serial port that it is up, asks for an address by DHCP if it has a network, shows the seed of
# cloud-init if it has one, and gives whoever opens its console a shell. It powers off when it is asked to, or at once
# if its kernel has the argument aquarium.off.
# Needs the packages busybox-static and dpkg, and Debian's package sources. Does nothing if both files are there already.
set -eu
directory=${1:?the directory of images}/linux
[ -s "$directory/vmlinuz" ] && [ -s "$directory/initramfs" ] && exit 0
fail() {
    echo "linux-vm.sh: $*" >&2
    exit 1
}
for program in busybox dpkg-deb apt-get apt-cache; do
    command -v "$program" >/dev/null || fail "$program is not installed"
done
case $(uname -m) in
x86_64) flavour=cloud-amd64 ;;
aarch64) flavour=cloud-arm64 ;;
*) fail "there is no such kernel for $(uname -m)" ;;
esac

mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
work=$(mktemp -d "$directory/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 143' INT TERM
package=$(apt-cache depends "linux-image-$flavour" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$package" ] || fail "Debian's package sources offer no linux-image-$flavour: run apt-get update"
(cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$package" >apt.log 2>&1) ||
    fail "$package cannot be had: $(tail -n 1 "$work/apt.log")"
mkdir "$work/package"
dpkg-deb --fsys-tarfile "$work"/linux-image-*.deb | tar -x -C "$work/package" ./boot ./lib/modules ||
    fail "$package is damaged"

# In the order in which they need each other.
modules="virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk failover net_failover
    virtio_net virtio_rng cdrom isofs evdev button af_packet"
root=$work/root
mkdir -p "$root/bin" "$root/modules" "$root/proc" "$root/sys" "$root/dev" "$root/seed" "$root/etc"
cp "$(command -v busybox)" "$root/bin/busybox"
for module in $modules; do
    find "$work/package/lib/modules" -name "$module.ko*" | head -n 1 | while read -r file; do
        case $file in
        *.xz) xz -dc "$file" >"$root/modules/$module.ko" ;;
        *) cp "$file" "$root/modules/$module.ko" ;;
        esac
    done
done
cat >"$root/init" <<X
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(echo $modules); do
    [ ! -f /modules/\$module.ko ] || insmod /modules/\$module.ko 2>/dev/null
done
X
cat >>"$root/init" <<'X'
echo "the machine is up: Linux $(uname -r), disks: $(ls /sys/block | tr '\n' ' ')"
for disk in /dev/vd?; do
    mount -t iso9660 -o ro "$disk" /seed 2>/dev/null && cat /seed/meta-data && umount /seed
done
grep -q aquarium.off /proc/cmdline && poweroff -f
if [ -e /sys/class/net/eth0 ]; then
    printf '#!/bin/sh\n[ "$1" != bound ] || { ip addr add "$ip/${mask:-24}" dev eth0; ip route add default via $router; }\n' >/etc/dhcp
    chmod 755 /etc/dhcp
    ip link set lo up
    ip link set eth0 up
    udhcpc -i eth0 -s /etc/dhcp -b -q >/dev/null 2>&1 && echo "its address is $(ip -4 -o addr show eth0 | sed 's/.*inet \([^ ]*\).*/\1/')"
fi
# All that the power button says is that it was pressed.
for event in /sys/class/input/event*; do
    [ "$(cat "$event/device/name" 2>/dev/null)" = "Power Button" ] || continue
    (dd if="/dev/input/${event##*/}" of=/dev/null bs=24 count=1 2>/dev/null && echo "shutting down" && poweroff -f) &
done
while true; do setsid cttyhack sh; done
X
chmod 755 "$root/init"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$work/initramfs")
mv "$work/package/boot"/vmlinuz-* "$directory/vmlinuz"
mv "$work/initramfs" "$directory/initramfs"
