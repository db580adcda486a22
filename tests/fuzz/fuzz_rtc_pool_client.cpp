// SPDX-License-Identifier: LGPL-2.1-or-later
// A member of a pool with whatever a server, its peers and the application say, raw or by
// socket.io, and what its owner may rely on: nothing before it has joined, nothing of who was not
// announced or has left, nothing after the stop; and what it sends is JSON, to those alone. The
// input: {version}, then steps of {what, length, bytes}.
#include "rtc/signalling/proto/pool_client.h"
#include "rtc/signalling/proto/socket_io_client.h"
#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

using namespace reach::rtc;

namespace {
using Core = PoolClientCore;

void require (bool holds)
{
  if (!holds)
    std::abort ();
}

Core::Limits small ()
{
  Core::Limits l;
  l.peers = 4;
  l.name = 16;
  l.message = 120;
  l.sdp = 12;
  l.candidate = 60;
  l.description = 20;
  l.sent = 200;
  l.depth = 6;
  return l;
}

class Model {
public:
  explicit Model (unsigned version) : core_ (version, small ()) {}
  void step (std::uint8_t what, const std::string &bytes);
  void drain ();

private:
  void check (const Core::Event &e);
  void sent (const std::optional<Core::Message> &m, const std::string &to);
  void said (const char *type, const std::string &data) { core_.input (type, data); }
  bool knows (const std::string &id) const { return known_.contains (id); }

  Core core_;
  sio::Client socket_io_{"/n", "{}"};
  std::string own_; // id
  std::set<std::string> known_;
  bool joined_ = false, stopped_ = false, connected_ = false, over_ = false;
};

void Model::check (const Core::Event &e)
{
  require (!stopped_);
  if (const auto *j = std::get_if<Core::Joined> (&e)) {
    require (core_.joined () && !j->id.empty () && j->id != own_ && !j->pool.empty ());
    joined_ = true; // another membership, if it was before
    own_ = j->id;
    known_.clear ();
    for (const Core::Peer &p : j->there) {
      require (p.id != j->id && known_.insert (p.id).second && p.description.size () <= 20);
      require (p.description.empty () || json::parse (p.description));
    }
  } else if (const auto *p = std::get_if<Core::PeerJoined> (&e)) {
    require (joined_ && known_.insert (p->id).second);
  } else if (const auto *d = std::get_if<Core::PeerDescribed> (&e)) {
    require (knows (d->id) && (d->description.empty () || json::parse (d->description)));
  } else if (const auto *c = std::get_if<Core::PeerClosed> (&e)) {
    require (known_.erase (c->id) == 1);
  } else if (const auto *s = std::get_if<Core::Described> (&e)) {
    require (knows (s->peer) && s->sdp.size () <= 12);
  } else if (const auto *came = std::get_if<Core::CandidateCame> (&e)) {
    require (knows (came->peer) && came->candidate.mline >= -1);
  } else if (const auto *error = std::get_if<Core::Error> (&e)) {
    require (!error->message.empty () && error->refused <= !joined_);
  } else if (const auto *m = std::get_if<Core::AppMessage> (&e)) {
    require (!m->type.empty () && json::parse (m->data));
  } else {
    require (joined_);
    stopped_ = true;
  }
  require (known_.size () <= 4);
}

void Model::drain ()
{
  while (const auto e = core_.poll_event ())
    check (*e);
  while (const auto o = socket_io_.poll_output ()) {
    require (!over_);
    if (const auto *came = std::get_if<sio::Client::Came> (&*o)) {
      require (connected_ && json::parse (came->data, 64));
      core_.input (came->type, came->data);
    }
    over_ = std::holds_alternative<sio::Client::Over> (*o);
    if (std::holds_alternative<sio::Client::Connected> (*o))
      require (!std::exchange (connected_, true));
  }
  while (const auto e = core_.poll_event ())
    check (*e);
  require (stopped_ || core_.peers () == known_.size ());
}

// to: whom it is for; empty: nobody.
void Model::sent (const std::optional<Core::Message> &m, const std::string &to)
{
  if (!m)
    return;
  const auto v = json::parse (m->data, 64);
  require (v && v->is (json::Kind::object) && m->data.size () <= 200);
  require (to.empty () || (joined_ && !stopped_ && knows (to)));
  const std::string event = socket_io_.event (m->type, m->data);
  require (event.starts_with ("42/n,") && json::parse (event.substr (5), 64));
}

void Model::step (std::uint8_t what, const std::string &bytes)
{
  const std::string id = "p" + std::to_string (bytes.empty () ? 0 : bytes[0] & 7);
  const std::string peer = "\"" + id + "\"";
  const std::string text = "\"" + std::to_string (bytes.size () & 3) + "\"";
  const std::string d =
      "{\"type\":\"" + std::string (what & 64 ? "offer" : "answer") + "\",\"sdp\":" + text + "}";
  switch (what % 22) {
  case 0:
    return core_.input_text (bytes);
  case 1:
    return socket_io_.input (bytes);
  case 2:
    return core_.input (bytes.substr (0, bytes.find (' ')), bytes.substr (bytes.find (' ') + 1));
  case 3:
    return sent (core_.join (bytes), {});
  case 4:
    return said ("rtc:joined", "{\"client_id\":\"me\",\"peers\":[" + peer +
                                   ",\"p1\",\"me\"],\"pool\":" + text + ",\"descriptions\":{" +
                                   peer + ":{}}}");
  case 5:
    return said ("rtc:joined", bytes);
  case 6:
    return said ("rtc:peer", "{\"id\":" + peer + "}");
  case 7:
    return said ("rtc:request_offers", "{\"for\":" + peer + "}");
  case 8:
    return said ("rtc:sdp", "{\"peer\":" + peer + ",\"description\":" + d + "}");
  case 9:
    return said ("rtc:offer", "{\"for\":" + peer + ",\"offer\":" + d + "}");
  case 10:
    return said ("rtc:answer", "{\"for\":" + peer + ",\"answer\":" + d + "}");
  case 11:
    return said ("rtc:candidate", "{\"from\":" + peer + ",\"candidate\":null}");
  case 12:
    return said ("rtc:candidate", "{\"from\":" + peer + ",\"candidate\":" + bytes + "}");
  case 13:
    return said ("rtc:describe", "{\"uid\":" + peer + ",\"description\":" + bytes + "}");
  case 14:
    return said ("rtc:close", "{\"id\":" + peer + "}");
  case 15:
    return said ("rtc:error", bytes);
  case 16:
    return what & 128 ? said ("rtc:stop", "{}") : said ("rtc:error", "{\"message\":" + text + "}");
  case 17:
    return sent (core_.description (id, what & 64 ? "offer" : "answer", bytes), id);
  case 18:
    return sent (core_.candidate (id, {bytes, bytes, what, bytes}), id);
  case 19:
    return sent (core_.app_message (text, bytes), {});
  case 20:
    return socket_io_.input (what & 64 ? "0{}" : "40/n,{}");
  default:
    return socket_io_.input ("42/n," + bytes);
  }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  Model m (data[0] % 3);
  std::string_view in (reinterpret_cast<const char *> (data) + 1, size - 1);
  while (in.size () >= 2) {
    const auto what = static_cast<std::uint8_t> (in[0]);
    const std::size_t n =
        std::min<std::size_t> (static_cast<std::uint8_t> (in[1]) & 0x7f, in.size () - 2);
    const std::string bytes (in.substr (2, n));
    in.remove_prefix (2 + n);
    m.step (what, bytes);
    m.drain ();
  }
  return 0;
}
