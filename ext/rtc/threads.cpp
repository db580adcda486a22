// SPDX-License-Identifier: LGPL-2.1-or-later
#include "threads.h"
#include <algorithm>
#include <openssl/crypto.h>

namespace reach::rtc {
namespace {
constexpr unsigned most_loops = 4;
constexpr std::size_t most_events = 100000; // of all peers
} // namespace

PeerThreads::PeerThreads ()
    : events_ ("rtc-events", most_events), signals_ (std::make_shared<SignalQueue> (events_))
{
  const unsigned n = std::clamp (std::thread::hardware_concurrency (), 1u, most_loops);
  for (unsigned i = 0; i < n; i++)
    loops_.push_back (std::make_unique<Loop> (("rtc-loop-" + std::to_string (i)).c_str ()));
}

PeerThreads::~PeerThreads ()
{
  signals_->close ();
}

// Nobody has them any more. What peers have posted may post more, and next ones get a certificate
// of their own, which says nothing of who was there before.
void PeerThreads::rest ()
{
  for (int round = 0; round < 2; round++) {
    events_.drain ();
    for (const auto &loop : loops_)
      loop->call ([] {});
  }
  dtls_.lock ()->reset ();
}

// Of the whole process, until it ends. Where somebody has kept a peer until then its threads run
// on.
class PeerThreads::Process {
public:
  ~Process ()
  {
    if (users_.expired ())
      delete threads_;
  }
  std::shared_ptr<PeerThreads> get ()
  {
    auto threads = users_.lock ();
    if (threads)
      return threads;
    if (!threads_)
      threads_ = new PeerThreads;
    threads = std::shared_ptr<PeerThreads> (threads_, [] (PeerThreads *t) { t->rest (); });
    users_ = threads;
    return threads;
  }

private:
  PeerThreads *threads_ = nullptr;
  std::weak_ptr<PeerThreads> users_;
};

std::shared_ptr<PeerThreads> PeerThreads::get ()
{
  // The first of the two ends last: threads give back what they have of OpenSSL's. With no options
  // it would do nothing.
  static const int openssl = OPENSSL_init_crypto (OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr);
  static_cast<void> (openssl);
  static Guarded<Process> process;
  return process.lock ()->get ();
}

Loop &PeerThreads::loop ()
{
  return *loops_[next_++ % loops_.size ()];
}

std::shared_ptr<const DtlsContext> PeerThreads::dtls (std::string &error)
{
  auto context = dtls_.lock ();
  if (*context)
    return *context;
  auto certificate = Certificate::make (Certificate::Key::ecdsa_p256, error);
  if (certificate)
    *context = DtlsContext::make (std::move (certificate), {}, error);
  return *context;
}
} // namespace reach::rtc
