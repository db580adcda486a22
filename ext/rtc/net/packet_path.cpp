// SPDX-License-Identifier: LGPL-2.1-or-later
#include "packet_path.h"
#include "common/udp_socket.h"
#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace reach::rtc {
namespace {
constexpr std::size_t most_segments = 64, most_bytes = 65507;

// How many of the first packets one call can take: of equal size, but the last may be shorter.
std::size_t run_of (std::span<const Bytes> packets)
{
  const std::size_t size = packets[0].size ();
  std::size_t n = 1, bytes = size;
  while (n < packets.size () && n < most_segments && packets[n - 1].size () == size &&
         packets[n].size () <= size && bytes + packets[n].size () <= most_bytes)
    bytes += packets[n++].size ();
  return n;
}
} // namespace

PacketPath::Route::~Route ()
{
  if (fd >= 0)
    ::close (fd);
  g_clear_object (&agent);
}

void PacketPath::set_direct (int socket, const Address &to)
{
  auto r = std::make_shared<Route> ();
  r->fd = ::fcntl (socket, F_DUPFD_CLOEXEC, 0);
  r->to = to;
  if (r->fd >= 0)
    set (std::move (r));
}

void PacketPath::set_agent (NiceAgent *agent, unsigned stream)
{
  auto r = std::make_shared<Route> ();
  r->agent = NICE_AGENT (g_object_ref (agent));
  r->stream = stream;
  set (std::move (r));
}

void PacketPath::clear ()
{
  set (nullptr);
}

void PacketPath::set (std::shared_ptr<Route> r)
{
  route_.update ([&] (std::shared_ptr<Route> &now) { now.swap (r); });
}

bool PacketPath::set () const
{
  return *route_.lock () != nullptr;
}

std::size_t PacketPath::send (std::span<const Bytes> packets)
{
  const std::shared_ptr<Route> r = *route_.lock ();
  std::size_t went = 0;
  if (r)
    went = r->agent ? send_agent (*r, packets) : send_direct (*r, packets);
  packets_.fetch_add (went, std::memory_order_relaxed);
  if (went < packets.size ())
    dropped_.fetch_add (packets.size () - went, std::memory_order_relaxed);
  return went;
}

std::size_t PacketPath::send_direct (Route &r, std::span<const Bytes> packets)
{
  std::size_t went = 0;
  while (!packets.empty ()) {
    const std::size_t n = r.gso.load (std::memory_order_relaxed) ? run_of (packets) : 1;
    if (send_run (r, packets.first (n)))
      went += n;
    else if (n > 1 && !r.gso)
      continue; // singly from now on
    packets = packets.subspan (n);
  }
  return went;
}

bool PacketPath::send_run (Route &r, std::span<const Bytes> run)
{
  std::array<iovec, most_segments> pieces;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < run.size (); i++) {
    pieces[i] = {const_cast<std::uint8_t *> (run[i].data ()), run[i].size ()};
    bytes += run[i].size ();
  }
  const std::span<const iovec> all (pieces.data (), run.size ());
  const std::size_t segment = run.size () > 1 ? run[0].size () : 0;
  const int error = UdpSocket::send_segments (r.fd, &r.to, all, segment);
  calls_.fetch_add (1, std::memory_order_relaxed);
  if (error == 0)
    bytes_.fetch_add (bytes, std::memory_order_relaxed);
  // No checksum offload on this path, an old kernel, or a path with a small MTU.
  else if (run.size () > 1 && (error == EIO || error == EINVAL || error == EOPNOTSUPP ||
                                  error == ENOPROTOOPT || error == EMSGSIZE))
    r.gso.store (false, std::memory_order_relaxed);
  return error == 0;
}

std::size_t PacketPath::send_agent (const Route &r, std::span<const Bytes> packets)
{
  std::array<GOutputVector, most_segments> vectors;
  std::array<NiceOutputMessage, most_segments> messages;
  std::size_t went = 0;
  while (!packets.empty ()) {
    const std::size_t n = std::min (packets.size (), most_segments);
    for (std::size_t i = 0; i < n; i++) {
      vectors[i] = {packets[i].data (), packets[i].size ()};
      messages[i] = {&vectors[i], 1};
    }
    const gint sent = nice_agent_send_messages_nonblocking (
        r.agent, r.stream, 1, messages.data (), static_cast<guint> (n), nullptr, nullptr);
    calls_.fetch_add (1, std::memory_order_relaxed);
    for (gint i = 0; i < sent; i++)
      bytes_.fetch_add (packets[static_cast<std::size_t> (i)].size (), std::memory_order_relaxed);
    went += sent > 0 ? static_cast<std::size_t> (sent) : 0;
    packets = packets.subspan (n);
  }
  return went;
}
} // namespace reach::rtc
