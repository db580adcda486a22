// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mdns.h"
#include "common/guarded.h"
#include <algorithm>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <cstring>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <set>
#include <sys/epoll.h>
#include <unistd.h>

namespace reach::rtc {
namespace {
constexpr std::size_t most_datagrams = 64;   // of a turn
constexpr std::size_t most_answers = 64;     // of a response
constexpr std::size_t most_networks = 16;    // the kernel allows 20 memberships of a socket
constexpr std::uint16_t class_bits = 0x7fff; // the rest says that a cache has to be flushed

Address group_of (int family, std::uint16_t port)
{
  return *Address::parse (family == AF_INET6 ? "ff02::fb" : "224.0.0.251", port);
}

bool is_link_local (const std::uint8_t *address) // fe80::/10
{
  return address[0] == 0xfe && address[1] >> 6 == 2;
}

// Indices of the interfaces to ask on.
std::set<unsigned> networks (int family, const std::vector<std::string> &addresses)
{
  std::set<unsigned> out;
  ifaddrs *all = nullptr;
  if (getifaddrs (&all) != 0)
    return out;
  for (const ifaddrs *i = all; i && out.size () < most_networks; i = i->ifa_next) {
    if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP))
      continue;
    Address a;
    a.length = family == AF_INET6 ? sizeof (sockaddr_in6) : sizeof (sockaddr_in);
    std::memcpy (&a.storage, i->ifa_addr, a.length);
    const bool usual = (i->ifa_flags & IFF_MULTICAST) && !(i->ifa_flags & IFF_LOOPBACK);
    if (addresses.empty () ? usual : std::ranges::find (addresses, a.host ()) != addresses.end ())
      out.insert (if_nametoindex (i->ifa_name));
  }
  freeifaddrs (all);
  out.erase (0);
  return out;
}

// A peer may name many, and begin anew often: of all peers together 32 at once, then 4 a second.
constexpr double burst = 32, per_second = 4;

bool may_ask ()
{
  struct Bucket {
    double allowed = burst;
    TimePoint counted = Clock::now ();
  };
  static Guarded<Bucket> bucket;
  return bucket.update ([] (Bucket &b) {
    const TimePoint now = Clock::now ();
    const double passed = std::chrono::duration<double> (now - b.counted).count ();
    b.allowed = std::min (burst, b.allowed + per_second * passed);
    b.counted = now;
    const bool yes = b.allowed >= 1;
    b.allowed -= yes ? 1 : 0;
    return yes;
  });
}

bool same_name (const std::string &a, const std::string &b)
{
  return g_ascii_strcasecmp (a.c_str (), b.c_str ()) == 0;
}
} // namespace

std::vector<std::uint8_t> mdns_question (std::string_view name)
{
  std::array<std::uint8_t, NS_MAXCDNAME> wire;
  if (name.size () > 255 ||
      ns_name_pton (std::string (name).c_str (), wire.data (), wire.size ()) < 0)
    return {};
  ByteWriter out;
  for (const std::uint16_t v : {0, 0, 2, 0, 0, 0}) // id, flags, questions and no more
    out.u16 (v);
  std::size_t length = 0;
  while (wire[length] != 0)
    length += wire[length] + 1u;
  for (const std::uint16_t type : {ns_t_a, ns_t_aaaa}) {
    out.bytes (Bytes (wire).first (length + 1));
    out.u16 (type);
    out.u16 (ns_c_in);
  }
  return out.take ();
}

std::vector<MdnsAnswer> mdns_answers (Bytes response)
{
  std::vector<MdnsAnswer> out;
  ns_msg m;
  ns_rr r;
  if (ns_initparse (response.data (), static_cast<int> (response.size ()), &m) != 0 ||
      !ns_msg_getflag (m, ns_f_qr))
    return out;
  for (int i = 0; i < ns_msg_count (m, ns_s_an) && out.size () < most_answers; i++) {
    if (ns_parserr (&m, ns_s_an, i, &r) != 0)
      break;
    const std::uint8_t *a = ns_rr_rdata (r);
    char text[INET6_ADDRSTRLEN];
    if ((ns_rr_class (r) & class_bits) != ns_c_in)
      continue;
    if (ns_rr_type (r) == ns_t_a && ns_rr_rdlen (r) == 4)
      out.push_back ({ns_rr_name (r), inet_ntop (AF_INET, a, text, sizeof text)});
    else if (ns_rr_type (r) == ns_t_aaaa && ns_rr_rdlen (r) == 16 && !is_link_local (a))
      out.push_back ({ns_rr_name (r), inet_ntop (AF_INET6, a, text, sizeof text)});
  }
  return out;
}

// One of each family.
class Mdns::Socket final : EpollSet::Handler {
public:
  Socket (Mdns &owner, int family)
      : owner_ (owner), group_ (group_of (family, owner.settings_.port)),
        networks_ (networks (family, owner.settings_.addresses)),
        fd_ (networks_.empty () ? -1
                                : ::socket (family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
  {
    if (fd_ < 0)
      return;
    const bool six = family == AF_INET6;
    // Others of this host listen there as well.
    set (SOL_SOCKET, SO_REUSEADDR, 1);
    set (SOL_SOCKET, SO_REUSEPORT, 1);
    if (six)
      set (IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set (six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, 255);
    const Address any = *Address::parse (six ? "::" : "0.0.0.0", group_.port ());
    // Of another port answers come to us alone (RFC 6762, 6.7).
    if (::bind (fd_, any.get (), any.length) != 0) {
      const Address free = *Address::parse (six ? "::" : "0.0.0.0", 0);
      if (::bind (fd_, free.get (), free.length) != 0)
        return;
    }
    for (const unsigned n : networks_)
      join (n);
    token_ = owner_.loop_.epoll ().add (fd_, EPOLLIN, *this);
  }
  ~Socket () override
  {
    if (token_)
      owner_.loop_.epoll ().remove (token_);
    if (fd_ >= 0)
      ::close (fd_);
  }
  void send (Bytes question) const
  {
    for (const unsigned n : networks_) {
      use (n);
      ::sendto (fd_, question.data (), question.size (), 0, group_.get (), group_.length);
    }
  }

private:
  template <typename T> void set (int level, int option, const T &value) const
  {
    setsockopt (fd_, level, option, &value, sizeof value);
  }
  void join (unsigned network) const
  {
    if (group_.family () == AF_INET6) {
      ipv6_mreq m{};
      m.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6 &> (group_.storage).sin6_addr;
      m.ipv6mr_interface = network;
      return set (IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, m);
    }
    ip_mreqn m{};
    m.imr_multiaddr = reinterpret_cast<const sockaddr_in &> (group_.storage).sin_addr;
    m.imr_ifindex = static_cast<int> (network);
    set (IPPROTO_IP, IP_ADD_MEMBERSHIP, m);
  }
  void use (unsigned network) const
  {
    if (group_.family () == AF_INET6)
      return set (IPPROTO_IPV6, IPV6_MULTICAST_IF, network);
    ip_mreqn m{};
    m.imr_ifindex = static_cast<int> (network);
    set (IPPROTO_IP, IP_MULTICAST_IF, m);
  }
  void on_ready (std::uint32_t) override
  {
    std::array<std::uint8_t, 9000> room; // RFC 6762, 17
    for (std::size_t i = 0; i < most_datagrams; i++) {
      Address from;
      from.length = sizeof from.storage;
      const ssize_t n = ::recvfrom (fd_, room.data (), room.size (), 0,
          reinterpret_cast<sockaddr *> (&from.storage), &from.length);
      if (n < 0)
        return;
      if (from.port () == group_.port ()) // RFC 6762, 6
        owner_.on_response ({room.data (), static_cast<std::size_t> (n)});
    }
  }

  Mdns &owner_;
  const Address group_;
  const std::set<unsigned> networks_;
  const int fd_;
  EpollSet::Token token_ = 0;
};

Mdns::Mdns (Loop &loop, Settings settings)
    : loop_ (loop), settings_ (std::move (settings)),
      timer_ (loop.timers (), [this] { on_timer (); })
{
}

Mdns::~Mdns () = default;

void Mdns::resolve (const std::string &name, std::uint16_t port, Done done)
{
  // One that cannot be asked for is soon given up.
  const bool possible = names_.size () < max_names && !mdns_question (name).empty () && may_ask ();
  names_.push_back ({name, port, std::move (done), Clock::now (), possible ? 0 : schedule.size ()});
  if (sockets_.empty ())
    for (const int family : {AF_INET, AF_INET6})
      sockets_.push_back (std::make_unique<Socket> (*this, family));
  arm ();
}

void Mdns::on_response (Bytes response)
{
  for (const MdnsAnswer &a : mdns_answers (response))
    for (auto n = names_.begin (); n != names_.end ();) {
      if (!same_name (a.name, n->name)) {
        ++n;
        continue;
      }
      end (std::move (*n), Address::parse (a.address, n->port));
      n = names_.erase (n);
    }
  arm ();
}

void Mdns::on_timer ()
{
  const TimePoint now = Clock::now ();
  for (auto n = names_.begin (); n != names_.end ();) {
    if (now >= n->next && n->asked == schedule.size ()) {
      end (std::move (*n), {});
      n = names_.erase (n);
      continue;
    }
    if (now >= n->next) {
      const auto question = mdns_question (n->name);
      for (const auto &s : sockets_)
        s->send (question);
      n->next = now + schedule[n->asked++];
    }
    ++n;
  }
  arm ();
}

void Mdns::arm ()
{
  const auto first = std::ranges::min_element (names_, {}, &Name::next);
  if (first == names_.end ())
    timer_.cancel ();
  else
    timer_.arm (first->next);
}

void Mdns::end (Name name, std::optional<Address> found)
{
  loop_.post ([self = std::weak_ptr (alive_), name = std::move (name), found] {
    const auto alive = self.lock ();
    if (!alive)
      return;
    (*alive)->tidy ();
    name.done (found);
  });
}

void Mdns::tidy ()
{
  if (names_.empty ())
    sockets_.clear ();
}
} // namespace reach::rtc
