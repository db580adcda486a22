// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turns_bridge.h"
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <unistd.h>

namespace reach::rtc {
namespace {
// Whether the other end of this connection is a descriptor of our process: anybody on this machine
// can connect to a port of 127.0.0.1.
bool is_own (int fd)
{
  const std::string here = Address::local_of (fd).text (), there = Address::peer_of (fd).text ();
  DIR *all = opendir ("/proc/self/fd");
  bool found = false;
  for (const dirent *d = all ? readdir (all) : nullptr; d && !found; d = readdir (all)) {
    const int other = std::atoi (d->d_name);
    found = other > 0 && other != fd && Address::local_of (other).text () == there &&
            Address::peer_of (other).text () == here;
  }
  if (all)
    closedir (all);
  return found;
}
} // namespace

// One connection of libnice and its continuation.
class TurnsBridge::Link {
public:
  Link (TurnsBridge &bridge, int fd)
      : bridge_ (bridge), near_ (*this), far_ (*this), limit_ (bridge.loop_.timers (), [this] {
          far_.socket->close ();
          closed (far_, ETIMEDOUT);
        })
  {
    near_.other = &far_;
    far_.other = &near_;
    near_.socket = std::make_unique<StreamSocket> (bridge.loop_, near_, fd);
    near_.socket->set_reading (false); // until there is somewhere to write it
    connect ();
  }

private:
  struct Side final : StreamSocket::Owner {
    explicit Side (Link &l) : link (l) {}
    Link &link;
    Side *other = nullptr;
    std::unique_ptr<StreamSocket> socket;

    void on_connected () override // of the far side: TLS is up
    {
      link.limit_.cancel ();
      socket->flush ();
      other->socket->set_reading (true);
    }
    void on_input (Bytes bytes) override
    {
      other->socket->queue (slice_of ({bytes.begin (), bytes.end ()}));
      other->socket->flush ();
      if (other->socket->queued () > most_queued)
        socket->set_reading (false);
    }
    void on_writable () override { other->socket->set_reading (true); }
    void on_closed (int error) override { link.closed (*this, error); }
  };

  void connect ()
  {
    const Server &s = bridge_.server_;
    bridge_.loop_.destroy_later (std::move (far_.socket)); // that failed
    far_.socket = std::make_unique<StreamSocket> (
        bridge_.loop_, far_, s.addresses[next_++], s.tls->session (s.name));
    limit_.arm (Clock::now () + connect_limit);
  }
  void closed (Side &side, int error)
  {
    if (&side == &near_)
      return end ({}); // libnice has enough
    if (!side.socket->connected () && next_ < bridge_.server_.addresses.size ())
      return connect ();
    const std::string detail = side.socket->tls_detail ();
    const bool was_up = side.socket->established () && side.socket->tls_fault () == TlsFault::none;
    end (!detail.empty () ? detail
         : error != 0     ? strerror (error)
         : was_up         ? "the server has closed the connection"
                          : "the server closes the connection at once");
  }
  void end (const std::string &why)
  {
    limit_.cancel ();
    for (Side *s : {&near_, &far_})
      s->socket->close ();
    bridge_.ended (*this, why);
  }

  TurnsBridge &bridge_;
  std::size_t next_ = 0; // of the addresses
  Side near_, far_;
  Timer limit_; // of connecting and the handshake
};

std::unique_ptr<TurnsBridge> TurnsBridge::open (
    Loop &loop, Server server, Warning warning, std::string &error)
{
  const int fd = Listener::bind ("127.0.0.1", 0, error);
  if (fd < 0)
    return nullptr;
  return std::unique_ptr<TurnsBridge> (
      new TurnsBridge (loop, fd, std::move (server), std::move (warning)));
}

TurnsBridge::TurnsBridge (Loop &loop, int fd, Server server, Warning warning)
    : loop_ (loop), server_ (std::move (server)), warning_ (std::move (warning)),
      listener_ (loop, fd, [this] (int accepted) { accept (accepted); })
{
}

TurnsBridge::~TurnsBridge () = default;

void TurnsBridge::accept (int fd)
{
  if (links_.size () < most_connections && !server_.addresses.empty () && is_own (fd))
    links_.push_back (std::make_unique<Link> (*this, fd));
  else
    ::close (fd);
}

void TurnsBridge::ended (Link &link, const std::string &why)
{
  const auto at = std::ranges::find (links_, &link, &std::unique_ptr<Link>::get);
  loop_.destroy_later (std::move (*at)); // it is one of its sockets that calls
  links_.erase (at);
  if (!why.empty () && why != last_warning_)
    warning_ (server_.name + ", TURN over TLS: " + (last_warning_ = why));
}
} // namespace reach::rtc
