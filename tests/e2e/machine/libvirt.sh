# A libvirt of the test's own, in network and mount namespaces of its own: libvirt's directories are fixed. Sourced after
# lib.sh, and before anything else is started.
ip link set lo up
for program in libvirtd virsh virtlogd virtlockd qemu-system-x86_64 qemu-img busybox; do
    command -v "$program" >/dev/null || die "$program is missing: tools/setup.sh check installs it"
done
[ -x "$BUILD/aq-driver-libvirt" ] || die "aq-driver-libvirt is not built: libvirt-dev and libarchive-dev are missing"

for directory in run/libvirt etc/libvirt var/lib/libvirt var/log/libvirt var/cache/libvirt run/aquarium; do
    mkdir -p "/$directory" "$work/$directory"
    mount --bind "$work/$directory" "/$directory" || die "libvirt gets no directories of its own"
done
# user and group: see the doctor's "KVM mode".
cat >/etc/libvirt/qemu.conf <<X
user = "root"
group = "root"
security_driver = "none"
X
printf 'auth_unix_rw = "none"\nauth_unix_ro = "none"\nlog_outputs = "4:file:%s/libvirtd.errors"\n' "$work" >/etc/libvirt/libvirtd.conf
# Their presets are in /run, which others of this host have, too.
start virtlogd virtlogd --pid-file "$work/virtlogd.lock"
start virtlockd virtlockd --pid-file "$work/virtlockd.lock"
libvirtd_start() {
    start libvirtd libvirtd --pid-file "$work/libvirtd.lock"
    wait_for 30 test -S /run/libvirt/libvirt-sock || die "libvirtd does not get ready"
}
libvirtd_start
virsh -q capabilities >"$work/capabilities" || die "libvirtd does not answer" # it looks at all of qemu's programs first
# Before the control groups of the test are looked after: no machine stays.
machines_end() {
    local file
    for file in /run/libvirt/qemu/*.pid; do
        [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null
    done
}
machine_cleanup() {
    local status=$?
    machines_end
    umount /run/aquarium/machines "$work/images/seeds" 2>/dev/null
    (exit "$status") # what e2e_cleanup finds
    e2e_cleanup
}
trap machine_cleanup EXIT

mkdir "$work/images"
for file in "$e2e_root"/build/machines/linux/*; do # by tools/linux-vm.sh, while there was a network
    ln "$file" "$work/images/" 2>/dev/null || cp "$file" "$work/images/"
done
boot_sector() { # MODE TEXT FILE
    gcc -m32 -c -DMODE="$1" "-DTEXT=\"$2\"" tests/e2e/machine/boot.S -o "$work/boot.o" &&
        ld -m elf_i386 -Ttext 0x7c00 --oformat binary "$work/boot.o" -o "$work/images/$3" && truncate -s 1M "$work/images/$3"
}
boot_sector 0 'hello\n' says.raw && boot_sector 1 'ready\n' waits.raw && boot_sector 2 'ready\n' deaf.raw || die "no boot sectors"

