# The reaper's protocol (testcontainers/ryuk), since its image cannot be pulled everywhere: a client names filters, line by line,
# each is acknowledged; when the last client has gone, everything that matches goes too, through the mounted Docker socket.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;

sub docker {
  my ($method, $path) = @_;
  my $socket = IO::Socket::UNIX->new(Peer => '/var/run/docker.sock') or die "socket: $!";
  print $socket "$method $path HTTP/1.0\r\nHost: docker\r\n\r\n";
  local $/;
  my $answer = <$socket>;
  return $answer =~ /\r\n\r\n(.*)/s ? $1 : '';
}

my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die "listen: $!";
$| = 1;
print "Started\n";
my $client = $server->accept();
my @filters;
while (my $line = <$client>) {
  $line =~ s/\r?\n//;
  next if $line eq '';
  push @filters, $line;
  print $client "ACK\n";
}
for my $filter (@filters) {
  my ($label) = $filter =~ /^label=(.*)$/ or next;
  my $query = "{%22label%22:{%22$label%22:true}}";
  my $self = `hostname`;
  chomp $self;
  for my $id (docker('GET', "/containers/json?all=1&filters=$query") =~ /"Id":"([0-9a-f]{64})"/g) {
    docker('DELETE', "/containers/$id?force=1&v=1") unless $id =~ /^$self/;
  }
  docker('POST', "/networks/prune?filters=$query");
  docker('POST', "/volumes/prune?filters={%22label%22:{%22$label%22:true},%22all%22:{%22true%22:true}}");
  docker('POST', "/images/prune?filters={%22label%22:{%22$label%22:true},%22dangling%22:{%22false%22:true}}");
}
print "Removed\n";
