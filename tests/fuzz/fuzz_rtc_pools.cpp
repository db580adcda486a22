// SPDX-License-Identifier: LGPL-2.1-or-later
// The server of pools with whatever clients and the application say, and what every client may rely
// on: it is told of nobody that it does not know, hears nothing before rtc:joined, and all is JSON.
// Where the first byte is odd the server is one of a cluster, and hears whatever others can say.
// The rest of the input is a list of steps: {what, who, length, bytes}.
#include "rtc/signalling/proto/cluster.h"
#include <cstdlib>
#include <set>

using namespace reach;
using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

struct Client {
  bool there = false, socket_io = false, joined = false, closing = false;
  std::set<std::string> known; // the others
  bool pair = false;           // one of a channel
};

class Model {
public:
  Model (const pool::Limits &l, bool clustered)
      : pools_ (
            l, [this] { return "p" + std::to_string (++ids_); }, clustered)
  {
    if (clustered)
      cluster_.emplace (pools_, "a", pool::Cluster::Times{}, now_);
  }
  void step (std::uint8_t what, std::uint8_t who, std::string_view bytes);
  void drain ();
  void finish ();

private:
  void on_text (Client &c, std::string_view text);
  void on_joined (Client &c, const json::Value &data);
  void act (int what, const std::string &pool, const std::string &peer, std::string_view bytes);
  void drain_cluster ();
  void heard (std::uint8_t who, const std::string &n, std::string_view bytes);
  void said (pool::Id who, const char *type, const std::string &data);
  static std::string id_of (const json::Value &data, const char *name)
  {
    const auto s = json::string_member (data, name);
    require (s.has_value ());
    return *s;
  }

  unsigned ids_ = 0;
  TimePoint now_{};
  pool::Pools pools_;
  std::optional<pool::Cluster> cluster_;
  std::map<pool::Id, Client> clients_;
  std::map<std::string, std::uint64_t> counts_; // of what other servers have said
  std::vector<std::pair<std::uint64_t, std::string>> requests_;
};

void Model::on_joined (Client &c, const json::Value &data)
{
  require (!c.joined);
  c.joined = true;
  for (json::Items i (*json::member (data, "peers")); i.next ();)
    require (c.known.insert (*json::string_of (i.value ())).second);
  require (!c.known.contains (id_of (data, "client_id")));
  for (json::Items i (*json::member (data, "descriptions")); i.next ();)
    require (c.known.contains (*json::string_of (i.name ())) ||
             *json::string_of (i.name ()) == id_of (data, "client_id"));
}

void Model::on_text (Client &c, std::string_view text)
{
  std::string type;
  json::Value data;
  require (c.there && !c.closing);
  if (c.pair) {
    const auto v = json::parse (text, 64);
    return require (v && v->is (json::Kind::object));
  }
  if (c.socket_io) {
    require (text.starts_with ("42/n,"));
    const auto v = json::parse (text.substr (5), 64);
    require (v && v->is (json::Kind::array));
    json::Items i (*v);
    require (i.next ());
    type = *json::string_of (i.value ());
    require (i.next ());
    data = i.value ();
  } else {
    const auto v = json::parse (text, 64);
    require (v.has_value ());
    type = *json::string_member (*v, "type");
    data = *json::member (*v, "data");
  }
  if (type == "rtc:joined")
    return on_joined (c, data);
  if (type == "rtc:error")
    return;
  require (c.joined && data.is (json::Kind::object));
  if (type == "rtc:peer")
    c.known.insert (id_of (data, "id"));
  else if (type == "rtc:request_offers")
    c.known.insert (id_of (data, "for"));
  else if (type == "rtc:sdp")
    require (c.known.contains (id_of (data, "peer")));
  else if (type == "rtc:offer" || type == "rtc:answer")
    require (c.known.contains (id_of (data, "for")));
  else if (type == "rtc:candidate")
    require (c.known.contains (id_of (data, "from")));
  else if (type == "rtc:describe")
    require (c.known.contains (id_of (data, "id")) && id_of (data, "uid") == id_of (data, "id"));
  else if (type == "rtc:close")
    require (c.known.erase (id_of (data, "id")) == 1);
  else
    require (type == "rtc:stop" || !type.starts_with ("rtc:"));
}

void Model::drain ()
{
  for (;;) {
    drain_cluster ();
    while (auto t = pools_.poll_transmit ()) {
      Client &c = clients_[t->to];
      if (!t->text.empty ())
        on_text (c, t->text);
      if (t->close)
        c.closing = true;
    }
    auto e = pools_.poll_event ();
    if (!e)
      break;
    if (auto *r = std::get_if<pool::JoinRequest> (&*e))
      requests_.emplace_back (r->request, r->pool);
  }
  require ((cluster_ || pools_.pools () <= 4) && pools_.peers () <= clients_.size ());
}

// What it says to all it hears itself.
void Model::drain_cluster ()
{
  while (auto m = cluster_ ? cluster_->poll_message () : std::nullopt) {
    require (json::parse (m->text, 64).has_value ());
    if (m->node.empty ())
      cluster_->input (m->text, now_);
  }
}

// One of two other servers says something, mostly with the next number.
void Model::heard (std::uint8_t who, const std::string &n, std::string_view bytes)
{
  static constexpr const char *kinds[] = {"alive", "state", "want", "in", "out", "describe", "sdp",
      "candidate", "send", "broadcast", "stop", "add", "relay", "ack", "again", "bye"};
  const std::string node (1, who & 1 ? 'b' : '0');
  std::uint64_t &count = counts_[node];
  const std::string kind = kinds[who >> 4];
  const bool counted = kind != "alive" && kind != "again" && kind != "bye";
  const std::uint64_t number = who & 2 ? count + 3 : counted ? ++count : count;
  std::string text = "{\"node\":\"" + node + "\",\"run\":1,\"clock\":" + n +
                     ",\"count\":" + std::to_string (count) + ",\"kind\":\"" + kind + '"';
  if (counted)
    text += ",\"all\":" + std::to_string (number);
  if (who & 4)
    text += ",\"gathers\":true";
  // Nobody can guess an id that will be given.
  const char first = who & 8 && std::stoul (n) <= ids_ ? 'p' : 'q';
  const bool pair = !bytes.empty () && (bytes[0] & 64) != 0;
  text += std::string (",\"pool\":\"") + (pair ? "\\u001fpair:" : "") + n + "\",\"peer\":\"" +
          first + n + "\",\"to\":\"p1\",\"type\":\"x\",\"stamp\":" + n;
  if (pair && kind != "relay")
    text += ",\"data\":{\"name\":\"" + std::to_string (bytes[0] & 3) + "\"}";
  else if (json::parse (bytes))
    text.append (",\"data\":").append (bytes).append (",\"except\":").append (bytes);
  cluster_->input (text + "}", now_);
}

// Well-formed messages, so that what is behind the parser is reached.
void Model::said (pool::Id who, const char *type, const std::string &data)
{
  if (clients_[who].socket_io)
    pools_.event (who, type, *json::parse (data), now_);
  else
    pools_.input (who, std::string ("{\"type\":\"") + type + "\",\"data\":" + data + "}", now_);
}

// What the application does.
void Model::act (int what, const std::string &pool, const std::string &peer, std::string_view bytes)
{
  if (what == 10)
    pools_.add_pool (std::string (bytes));
  else if (what == 11)
    pools_.remove_pool (pool);
  else if (what == 12)
    pools_.close_pool (pool);
  else if (what == 13)
    pools_.describe (pool, peer, bytes);
  else
    pools_.broadcast (pool, bytes, {peer});
}

void Model::step (std::uint8_t what, std::uint8_t who, std::string_view bytes)
{
  const pool::Id id = who % 6 + 1;
  Client &c = clients_[id];
  const std::string n = std::to_string (bytes.empty () ? 0 : bytes[0] & 15);
  const std::string peer = "\"p" + n + "\"", pool = "\"" + n + "\"";
  const std::string offer = "{\"type\":\"offer\",\"sdp\":\"\"}";
  if (cluster_ && what >= 128)
    return heard (who, n, bytes);
  switch (what % 20) {
  case 0:
    if (!c.there) {
      c = {true, (who & 64) != 0, false, false, {}, (who & 96) == 32};
      pools_.connect (id, c.socket_io ? "42/n," : "");
      if (c.pair)
        pools_.join_pair (id, n, std::to_string (who & 3), now_);
    }
    break;
  case 1:
    pools_.disconnect (id, "lost");
    c.there = false;
    break;
  case 2:
    pools_.input (id, bytes, now_);
    break;
  case 3:
    if (const auto v = json::parse (bytes))
      pools_.event (id, "rtc:sdp", *v, now_);
    break;
  case 4:
  case 5:
    said (id, "rtc:join", "{\"pool\":" + pool + "}");
    break;
  case 6:
    said (id, "rtc:sdp", "{\"to\":" + peer + ",\"description\":" + offer + "}");
    break;
  case 7:
    said (id, "rtc:candidate", "{\"for\":" + peer + ",\"candidate\":null}");
    break;
  case 8:
    said (id, "rtc:offers", "{" + peer + ":" + offer + "}");
    break;
  case 9:
    said (id, "rtc:answer", "{\"for\":" + peer + ",\"answer\":{\"type\":\"answer\",\"sdp\":\"\"}}");
    break;
  case 10:
  case 11:
  case 12:
  case 13:
  case 14:
    act (what % 20, n, "p" + std::to_string (who & 15), bytes);
    break;
  case 15:
    now_ += milliseconds (who * 40);
    pools_.timeout (now_);
    if (cluster_)
      cluster_->timeout (now_);
    break;
  case 16:
    pools_.malformed (id, now_);
    break;
  default:
    if (!requests_.empty ()) {
      const auto [request, asked] = requests_.back ();
      requests_.pop_back ();
      pools_.decide (request, (who & 1) == 0, who & 2 ? asked : std::string (bytes), now_);
    }
  }
}

void Model::finish ()
{
  for (auto &[id, c] : clients_) {
    pools_.disconnect (id, "closed");
    c.there = false;
    drain ();
  }
  for (const char *node : {"b", "0"})
    pools_.node_gone (node);
  drain ();
  for (int i = 0; i < 16; i++)
    pools_.remove_pool (std::to_string (i));
  require (pools_.peers () == 0 && pools_.channels () == 0 && !pools_.poll_timeout ());
  require (!cluster_ || pools_.snapshot ().size () <= pools_.pools ());
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  pool::Limits l;
  l.pools = 4;
  l.peers = 4;
  l.waiting = 3;
  l.name = 8;
  l.message = 200;
  l.depth = 8;
  l.messages = {20, 60};
  if (size == 0)
    return 0;
  Model m (l, data[0] & 1);
  std::string_view in (reinterpret_cast<const char *> (data + 1), size - 1);
  while (in.size () >= 3) {
    const auto at = [&in] (std::size_t i) { return static_cast<std::uint8_t> (in[i]); };
    const std::size_t n = std::min<std::size_t> (at (2) & 0x7f, in.size () - 3);
    const std::string bytes (in.substr (3, n));
    const std::uint8_t what = at (0), who = at (1);
    in.remove_prefix (3 + n);
    m.step (what, who, bytes);
    m.drain ();
  }
  m.finish ();
  return 0;
}
