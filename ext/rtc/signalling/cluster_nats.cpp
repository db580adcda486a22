// SPDX-License-Identifier: LGPL-2.1-or-later
// By a NATS server and libnats.
#include "cluster_bus.h"
#include "common/guarded.h"
#include "random_id.h"
#include <algorithm>
#include <atomic>
#include <nats/nats.h>
#include <thread>

namespace reach::rtc {
namespace {
// Where messages go. libnats has its own threads, which may be about to call when all ends.
struct Target {
  Loop *loop = nullptr;
  ClusterBus::Received received;
};
using Shared = std::shared_ptr<Guarded<Target>>;

void on_message (natsConnection *, natsSubscription *, natsMsg *m, void *closure)
{
  const Shared &target = *static_cast<Shared *> (closure);
  std::string text (natsMsg_GetData (m), static_cast<std::size_t> (natsMsg_GetDataLength (m)));
  natsMsg_Destroy (m);
  auto t = target->lock ();
  if (t->loop)
    t->loop->post ([target, text = std::move (text)] {
      const auto received = target->lock ()->received;
      if (received)
        received (text);
    });
}

class NatsBus final : public ClusterBus {
public:
  NatsBus (std::string server, std::string name)
      : ClusterBus (random_id ()), server_ (std::move (server)), prefix_ ("pool." + name + ".")
  {
  }
  ~NatsBus () override;
  void start (Loop &loop, Received received) override;
  bool publish (const std::string &node, const std::string &text) override;

private:
  void connect ();
  void subscribe (natsConnection *c, const std::string &subject, natsSubscription *&s);

  const std::string server_, prefix_;
  const Shared target_ = std::make_shared<Guarded<Target>> ();
  std::thread connecting_;
  std::atomic<natsConnection *> connection_{nullptr};
  natsSubscription *all_ = nullptr, *own_ = nullptr;
};

NatsBus::~NatsBus ()
{
  *target_->lock () = {};
  if (connecting_.joinable ())
    connecting_.join ();
  for (natsSubscription *s : {all_, own_})
    natsSubscription_Destroy (s);
  natsConnection_Destroy (connection_);
}

void NatsBus::start (Loop &loop, Received received)
{
  *target_->lock () = {&loop, std::move (received)};
  // The first attempt waits for names and connections.
  connecting_ = std::thread ([this] { connect (); });
}

void NatsBus::connect ()
{
  natsOptions *o = nullptr;
  if (natsOptions_Create (&o) != NATS_OK)
    return;
  natsOptions_SetURL (o, server_.c_str ());
  natsOptions_SetTimeout (o, 2000);
  natsOptions_SetMaxReconnect (o, -1);
  natsOptions_SetReconnectWait (o, 500);
  natsOptions_SetPingInterval (o, 2000);
  natsOptions_SetSendAsap (o, true);
  // One thread for all subscriptions, or their order would be lost.
  natsOptions_UseGlobalMessageDelivery (o, true);
  natsOptions_SetRetryOnFailedConnect (
      o, true, [] (natsConnection *, void *) {}, nullptr);
  natsConnection *c = nullptr;
  const natsStatus s = natsConnection_Connect (&c, o);
  natsOptions_Destroy (o);
  if (s != NATS_OK && s != NATS_NOT_YET_CONNECTED)
    return;
  subscribe (c, prefix_ + "all", all_);
  subscribe (c, prefix_ + node (), own_);
  connection_ = c;
}

void NatsBus::subscribe (natsConnection *c, const std::string &subject, natsSubscription *&s)
{
  auto *closure = new Shared (target_);
  if (natsConnection_Subscribe (&s, c, subject.c_str (), on_message, closure) != NATS_OK) {
    delete closure;
    return;
  }
  natsSubscription_SetOnCompleteCB (
      s, [] (void *p) { delete static_cast<Shared *> (p); }, closure);
}

bool NatsBus::publish (const std::string &node, const std::string &text)
{
  natsConnection *c = connection_;
  return c && natsConnection_Publish (c, (prefix_ + (node.empty () ? "all" : node)).c_str (),
                  text.data (), static_cast<int> (text.size ())) == NATS_OK;
}

bool is_name (std::string_view s)
{
  return !s.empty () && s.size () <= 64 && std::all_of (s.begin (), s.end (), [] (char c) {
    return g_ascii_isalnum (c) || c == '-' || c == '_';
  });
}
} // namespace

std::unique_ptr<ClusterBus> ClusterBus::make (const std::string &uri, std::string &error)
{
  const std::size_t scheme = uri.find ("://");
  if (!uri.starts_with ("nats://") && !uri.starts_with ("tls://")) {
    error = "it is not a URI of the form nats://host:port";
    return nullptr;
  }
  const std::size_t path = uri.find ('/', scheme + 3);
  const std::string server = uri.substr (0, path);
  std::string name = path == uri.npos ? std::string () : uri.substr (path + 1);
  if (name.empty ())
    name = "reach";
  if (server.size () == scheme + 3 || !is_name (name)) {
    error = "it names no host, or its path is not a word";
    return nullptr;
  }
  return std::make_unique<NatsBus> (server, name);
}
} // namespace reach::rtc
