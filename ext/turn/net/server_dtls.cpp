// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_dtls.h"
#include "server_udp.h"

namespace reach::turn::server {
namespace {
constexpr Duration handshake_limit = seconds (10);

// Of a ClientHello, which begins a connection (RFC 6347, 4.2.1 and 4.3.2): behind the headers of
// its record and message, and the version.
std::optional<DtlsClient::Random> hello_of (Bytes datagram)
{
  constexpr std::uint8_t handshake = 22, client_hello = 1;
  constexpr std::size_t epoch_at = 3, type_at = 13, random_at = 27;
  DtlsClient::Random r;
  if (datagram.size () < random_at + r.size () || datagram[0] != handshake ||
      load_be<std::uint16_t> (datagram.data () + epoch_at) != 0 ||
      datagram[type_at] != client_hello)
    return {};
  std::ranges::copy (datagram.subspan (random_at, r.size ()), r.begin ());
  return r;
}
} // namespace

DtlsClient::DtlsClient (DtlsEndpoint &owner, const Address &from,
    std::unique_ptr<TlsSession> session, const Random &random, Shares::Place place)
    : owner_ (owner), session_ (std::move (session)),
      path_ (owner.worker ().add_path (owner.path_for (from), *this)), begun_ (Clock::now ()),
      last_ (begun_), random_ (random), place_ (std::move (place)),
      timer_ (owner.worker ().loop ().timers (), [this] { on_timer (); })
{
  client_ = {path_.value_or (0), from};
  on_timer ();
}

void DtlsClient::remove ()
{
  timer_.cancel ();
  if (path_)
    owner_.worker ().remove_path (*path_);
  path_.reset ();
}

void DtlsClient::on_timer ()
{
  const TimePoint now = Clock::now ();
  const Duration idle = owner_.worker ().settings ().limits.idle;
  if (!open_ && now - begun_ >= handshake_limit)
    return owner_.over (client_.address);
  if (open_ && !owner_.worker ().has_allocation (client_) && now - last_ >= idle)
    return owner_.over (client_.address);
  if (const auto wait = session_->next_timeout (); wait && *wait <= Duration{}) {
    session_->timeout ();
    send_output ();
  }
  Duration next = open_ ? idle : handshake_limit - (now - begun_);
  if (const auto wait = session_->next_timeout ())
    next = std::min (next, std::max<Duration> (*wait, milliseconds (10)));
  if (path_)
    timer_.arm (now + next);
}

void DtlsClient::input (Bytes datagram)
{
  using State = TlsSession::State;
  last_ = Clock::now ();
  session_->input (datagram);
  std::array<std::uint8_t, TlsSession::max_record> plain;
  while (const std::size_t n = path_ ? session_->read (plain) : 0) {
    owner_.worker ().input (client_, Bytes (plain).first (n));
    owner_.worker ().outbox ().flush (); // the next record takes the place of this one
  }
  send_output ();
  if (!open_ && session_->state () == State::open) {
    open_ = true;
    place_ = {};
    owner_.opened ();
  }
  if (!path_)
    return; // over meanwhile
  if (session_->state () == State::failed || session_->state () == State::ended)
    owner_.over (client_.address);
}

void DtlsClient::deliver (const Transmit &t)
{
  std::array<std::uint8_t, TlsSession::max_record> plain;
  const std::size_t size = t.head.size () + t.payload.size () + t.padding;
  if (size > plain.size () || session_->state () != TlsSession::State::open)
    return owner_.worker ().dropped ();
  auto at = std::ranges::copy (t.head, plain.begin ()).out;
  at = std::ranges::copy (t.payload, at).out;
  std::fill_n (at, t.padding, std::uint8_t{0});
  session_->write (Bytes (plain).first (size));
  send_output ();
}

void DtlsClient::send_output ()
{
  auto &out = session_->output ();
  std::size_t at = 0;
  for (const std::uint16_t size : out.sizes) {
    owner_.send (client_.address, Bytes (out.bytes).subspan (at, size));
    at += size;
  }
  owner_.worker ().outbox ().flush ();
  out.clear ();
}

DtlsEndpoint::DtlsEndpoint (Worker &worker, int fd, std::shared_ptr<const TlsContext> context)
    : worker_ (worker), context_ (std::move (context)), gate_ (TlsDatagramGate::make (*context_)),
      bound_ (reach::Address::local_of (fd).text ()), local_ (local_address (fd)),
      v6_ (reach::Address::local_of (fd).family () == AF_INET6),
      shares_ (worker.settings ().limits.half_open),
      socket_ (worker.loop (), *this, fd, worker.area ())
{
}

DtlsEndpoint::~DtlsEndpoint ()
{
  worker_.outbox ().flush ();
  clients_.clear ();
}

void DtlsEndpoint::send (const Address &to, Bytes datagram)
{
  worker_.outbox ().add (socket_, to_socket (to, v6_), {}, datagram, 0);
}

void DtlsEndpoint::on_datagram (Bytes datagram, const reach::Address &from)
{
  const Address a = from_socket (from);
  const auto i = clients_.find (a);
  if (i == clients_.end () || i->second->is_succeeded (hello_of (datagram)))
    return knock (datagram, a);
  i->second->input (datagram);
}

void DtlsEndpoint::knock (Bytes datagram, const Address &from)
{
  if (half_open_ >= worker_.settings ().limits.half_open)
    return;
  std::array<std::uint8_t, 18> who{};
  std::ranges::copy (from.ip, who.begin ());
  store_be (who.data () + 16, from.port);
  auto result = gate_->input (datagram, who);
  if (!result.reply.empty ()) {
    send (from, result.reply);
    worker_.outbox ().flush ();
  }
  if (!result.session)
    return;
  over (from); // who was there before
  auto place = shares_.take (to_string (from.network ()));
  if (!place || !worker_.enter (from, true))
    return;
  auto client = std::make_unique<DtlsClient> (*this, from, std::move (result.session),
      hello_of (datagram).value_or (DtlsClient::Random{}), std::move (place));
  half_open_++;
  DtlsClient *c = client.get ();
  clients_.emplace (from, std::move (client));
  c->send_output ();
  if (!c->ready ())
    over (from);
}

void DtlsEndpoint::over (const Address &from)
{
  auto node = clients_.extract (from);
  if (!node)
    return;
  worker_.leave (from);
  if (!node.mapped ()->open ())
    half_open_--;
  node.mapped ()->remove ();
  worker_.loop ().destroy_later (std::move (node.mapped ()));
}
} // namespace reach::turn::server
