// SPDX-License-Identifier: LGPL-2.1-or-later
// When to offer and which offers to take (perfect negotiation, W3C webrtc-pc, 10.7): both sides
// offer whenever they have something to say; where offers cross the polite side takes its own back,
// and the other one does not hear. Sans-IO. A Negotiator does what is decided here; its
// NegotiationNeeded is told by needed ().
#pragma once
#include "common/proto/time.h"
#include "jsep.h"

namespace reach::rtc {
class PerfectNegotiation {
public:
  // application: who negotiates is somebody else; descriptions and candidates are taken all the
  // same.
  enum class Mode : std::uint8_t { application, polite, impolite };
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_local_description (DescriptionType type, const std::string &sdp) = 0;
    // What becomes the local description instead, or nothing.
    virtual std::string edit_local_description (DescriptionType, const std::string &) { return {}; }
    // The negotiator has events.
    virtual void on_negotiator_changed () = 0;
    virtual void on_negotiation_warning (const std::string &) = 0;
  };

  PerfectNegotiation (Negotiator &negotiator, Owner &owner, Mode mode)
      : negotiator_ (negotiator), owner_ (owner), mode_ (mode)
  {
  }

  Mode mode () const { return mode_; }
  void set_mode (Mode mode) { mode_ = mode; } // of an automatic one to another
  bool automatic () const { return mode_ != Mode::application; }

  // While it is not known yet what there is to send, what the peer offers waits, and nothing is
  // offered; for 3 s at most.
  void set_hold (bool hold, TimePoint now);
  // Until then the first word is left to the peer.
  void wait_before_offer (TimePoint until) { offer_from_ = until; }
  void needed (TimePoint now);
  void take_description (const std::string &type, const std::string &sdp, TimePoint now);
  void take_candidate (const CandidateInit &c);
  // The way to the peer was lost for a while, and maybe an offer with it.
  void resume ();

  void timeout (TimePoint now);
  std::optional<TimePoint> poll_timeout () const;

private:
  void apply_description (DescriptionType type, const sdp::Description &d, TimePoint now);
  bool send_local (DescriptionType type);
  void go_on (TimePoint now);
  void warn (const std::string &what) { owner_.on_negotiation_warning (what); }

  Negotiator &negotiator_;
  Owner &owner_;
  Mode mode_;
  bool hold_ = false, ignoring_ = false;
  TimePoint offer_from_{}, hold_until_{};
  bool waits_ = false; // for offer_from_
  std::optional<sdp::Description> held_offer_;
  std::vector<CandidateInit> held_candidates_;
};
} // namespace reach::rtc
