# The servers of browser.sh. With a page alone: serves it, to everybody. With a log: takes everything from callers with
# Basic credentials, of whatever type and origin, and notes it. Prints its port.
use strict;
use warnings;
use IO::Socket::INET;

my ($page, $log) = @ARGV;
$| = 1;
$SIG{CHLD} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64, ReuseAddr => 1) or die "cannot listen: $!";
print $listener->sockport, "\n";

sub respond {
    my ($status, $more, $text) = @_;
    return "HTTP/1.1 $status\r\n${more}Content-Length: " . length($text) . "\r\nConnection: close\r\n\r\n$text";
}

sub answer {
    my ($head, $body) = @_;
    my ($method, $path) = split / /, $head;
    if (!defined $log) {
        open my $file, '<', $page or die "$page: $!";
        local $/;
        return respond('200 OK', "Content-Type: text/html\r\n", scalar <$file>);
    }
    return respond('401 Unauthorized', "WWW-Authenticate: Basic realm=\"x\"\r\n", '')
        if $head !~ /^authorization: basic/im;
    open my $file, '>>', $log or die "$log: $!";
    print $file "$method $path $body\n";
    return respond('200 OK', '', '{"data": "do-not-tell"}');
}

while (my $client = $listener->accept) {
    next if fork;
    alarm 5;
    my ($head, $length, $body) = ('', 0, '');
    while (defined(my $line = <$client>)) {
        $head .= $line;
        $length = $1 if $line =~ /^content-length: *(\d+)/i;
        last if $line =~ /^\r?\n/;
    }
    read $client, $body, $length;
    print $client answer($head, $body);
    exit;
}
