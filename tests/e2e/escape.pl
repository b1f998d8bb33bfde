# What somebody tries who wants out of a workload. Prints "got NAME" for each thing that worked, and "tried COUNT" at the
# end. Everything that it needs to know about its victim and the host is in variables, so that only walls hold it back.
use strict;
use warnings;
use Errno;
use Fcntl;
use POSIX ();
use Socket;

my $tried = 0;
$| = 1;

sub attempt {
    my ($name, $what) = @_;
    $tried++;
    my $got = eval {
        local $SIG{ALRM} = sub { die "late\n" };
        alarm 10;
        my $result = $what->();
        alarm 0;
        $result;
    };
    alarm 0;
    print "got $name\n" if $got;
}

# A system call worked if it did not fail, or failed with something else than a refusal.
sub call {
    my ($number, @arguments) = @_;
    my $result = syscall($number, @arguments);
    return $result >= 0;
}

sub readable {
    open(my $file, '<', $_[0]) or return 0;
    return defined(read($file, my $bytes, 1));
}

sub writable { sysopen(my $file, $_[0], O_WRONLY) }

sub unix {
    my ($address) = @_;
    socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or return 0;
    return connect($socket, $address);
}

my ($victim, $home, $uid) = @ENV{qw(VICTIM VICTIM_HOME VICTIM_UID)};

# ---- see -------------------------------------------------------------------------------------------------------

attempt('the victim in /proc', sub {
    for my $line (glob '/proc/[0-9]*/cmdline') {
        next if $line =~ m{/$$/};
        open(my $file, '<', $line) or next;
        return 1 if (<$file> // '') =~ /$ENV{MARK}/;
    }
    0;
});
attempt("the victim's files", sub { readable("$home/secret") });
attempt("the victim's files through its process", sub { readable("/proc/$victim/cwd/secret") || readable("/proc/$victim/root/work/secret") });
attempt("the victim's environment", sub { readable("/proc/$victim/environ") });
attempt("the victim's memory", sub { readable("/proc/$victim/mem") });
# In a container, process 1 is the attack's own; in its root is what it sees itself.
my @own = stat '/';
attempt('process 1', sub {
    my @root = stat '/proc/1/root/.';
    (@root && "@root[0, 1]" ne "@own[0, 1]") || (!$ENV{CONTAINER} && readable('/proc/1/environ'));
});
attempt("secret $_", sub { readable($_) }) for split ' ', $ENV{SECRETS};
attempt("path $_", sub { -e $_ }) for split(' ', $ENV{PATHS}), '/var/lib/dpkg';
attempt('what is behind a descriptor', sub {
    for my $fd (glob '/proc/self/fd/*') {
        return 1 if -e "$fd/../etc/passwd" || -e "$fd/../../etc/passwd";
    }
    0;
});
attempt("device $_", sub { readable("/dev/$_") }) for qw(mem kmem kmsg port sda vda loop0 loop-control fuse kvm vhost-net);

# ---- signal, trace ---------------------------------------------------------------------------------------------

attempt('a signal to the victim', sub { kill 0, $victim });
attempt("a signal to the agent", sub { kill 0, $ENV{AGENT} });
attempt('a trace of the victim', sub { call(101, 16, $victim, 0, 0) });
attempt('a look into its memory', sub { my $buffer = "\0" x 8; my $io = pack('PQ', $buffer, 8); call(310, $victim, $io, 1, $io, 1, 0) });
attempt("the victim's priority", sub { setpriority(0, $victim, 19) });

# ---- be somebody else ------------------------------------------------------------------------------------------

attempt('root', sub { POSIX::setuid(0) && $> == 0 });
attempt("the victim's number", sub { POSIX::setuid($uid) && $> == $uid });
attempt('root by a program', sub { my $id = qx(su -c 'id -u' 2>/dev/null </dev/null); $id =~ /^0/ });
attempt('a program that runs as its owner', sub {
    qx(cp /bin/true mine && chmod 6755 mine && chown 0:0 mine 2>/dev/null);
    (stat 'mine')[4] == 0;
});
attempt('a device of its own', sub { !system('mknod disk b 254 0 2>/dev/null') });

# ---- the kernel ------------------------------------------------------------------------------------------------

my $name = 'tmpfs';
attempt('a mount', sub { call(165, $name, '/tmp', $name, 0, 0) });
attempt('a mount less', sub { call(166, '/proc', 2) });
attempt('another root', sub { chroot '/tmp' });
attempt('a user namespace', sub { call(272, 0x10000000) });
attempt('a namespace by clone', sub { my $pid = syscall(56, 0x10000011, 0, 0, 0, 0); POSIX::_exit(0) if defined $pid && $pid == 0; $pid > 0 });
attempt("the namespaces of process 1", sub { open(my $file, '<', '/proc/1/ns/mnt') or return 0; call(308, fileno($file), 0) });
attempt('a module', sub { my $image = "\x7fELF"; call(175, $image, 4, $image) });
attempt('a program in the kernel', sub { my $attributes = "\0" x 128; call(321, 0, $attributes, 128) });
attempt('a key', sub { call(248, 'user', 'aq', 'x', 1, -3) });
attempt('the session keyring', sub { call(250, 0, -3, 1) });
attempt('a counter of the processor', sub { my $attributes = "\0" x 128; call(298, $attributes, 0, -1, -1, 0) });
attempt('a file by its handle', sub { my $handle = pack('II', 8, 1) . "\2" . "\0" x 15; call(304, 1, $handle, 0) });
attempt('an io_uring', sub { my $parameters = "\0" x 120; call(425, 1, $parameters) });
attempt('another clock', sub { my $time = pack('qq', 0, 0); call(227, 0, $time) });
attempt('another name of the host', sub { call(170, 'owned', 5) });
attempt('a restart', sub { call(169, 0xfee1dead, 672274793, 0, 0) });
attempt('swap', sub { call(168, '/tmp') });
attempt('a quota', sub { call(179, 0x800007, '/dev/vda', 0, 0) });
attempt("setting $_", sub { writable($_) })
    for qw(/proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/overcommit_memory /proc/sysrq-trigger
    /proc/sys/kernel/hostname /sys/kernel/uevent_helper /sys/power/state /proc/sys/fs/binfmt_misc/register);
attempt("control groups", sub { my @files = glob('/sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs'); grep { writable($_) } @files });
attempt("system file $_", sub { sysopen(my $file, $_, O_WRONLY | O_CREAT) }) for qw(/etc/passwd /etc/ld.so.preload /usr/bin/aq /bin/sh /lib/x /dev/x /x /opt/x /run/x);

# ---- the network -----------------------------------------------------------------------------------------------

attempt("socket $_", sub { unix(pack_sockaddr_un($_)) }) for split ' ', $ENV{SOCKETS};
attempt('an abstract socket', sub { unix(pack('Sa*', AF_UNIX, "\0$ENV{ABSTRACT}")) }) if $ENV{SCOPED};
attempt('raw packets', sub { socket(my $socket, PF_INET, SOCK_RAW, 1) });
attempt('packets of others', sub { socket(my $socket, 17, SOCK_RAW, 0x0300) });
attempt('the machine below', sub { socket(my $socket, 40, SOCK_STREAM, 0) });
attempt('a port of a service', sub { socket(my $socket, PF_INET, SOCK_STREAM, 0); bind($socket, pack_sockaddr_in(80, INADDR_ANY)) });

attempt("port $_", sub {
    my ($address, $port) = split /:/;
    alarm 1; # what is dropped is not answered
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or return 0;
    connect($socket, pack_sockaddr_in($port, inet_aton($address)));
}) for split ' ', $ENV{PORTS} // '';

print "tried $tried\n";
