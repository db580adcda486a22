// SPDX-License-Identifier: LGPL-2.1-or-later
// All that is below RTP and data channels, for one peer: ICE, DTLS over the path that ICE has
// validated, SRTP with the keys of DTLS, and in DTLS either SCTP or plain datagrams.
//
// Loop thread only, callbacks too; sender () is for streaming threads. An owner's callback must not
// destroy the transport (Loop::destroy_later).
#pragma once
#include "dtls.h"
#include "ice.h"
#include "media_sender.h"
#include "sctp.h"

namespace reach::rtc {
enum class TransportState : std::uint8_t { fresh, connecting, connected, failed, closed };
const char *to_text (TransportState state);

struct TransportSettings {
  IceSettings ice;
  bool data = true;   // SCTP in DTLS; else datagrams
  bool plain = false; // datagrams without DTLS: ICE alone, nothing is secret
  SctpSettings sctp;
  SrtpLimits srtp;
  // Without an authenticated SRTP, SRTCP or DTLS packet for so long media is no longer sent.
  Duration silence = seconds (30);
  Duration handshake = seconds (30); // of DTLS, from the first path on
};

// What the peer's description says.
struct TransportPeer {
  IceCredentials ice;
  std::vector<Fingerprint> fingerprints;
  DtlsRole own_role = DtlsRole::server; // we are this
  bool data = true;                     // takes SCTP; once it does it always will
  std::uint16_t sctp_port = 5000;
  std::size_t max_message = 65536; // a=max-message-size; 0: any
};

struct TransportStats {
  MediaSender::Counts out;
  Srtp::Counts in;
  std::uint64_t packets_in = 0, bytes_in = 0;
  std::uint64_t heard_in = 0;                 // of those, past libnice
  std::uint64_t unknown_in = 0, early_in = 0; // of no protocol; before there were keys
  std::string dtls_version, dtls_cipher;
  SrtpProfile profile = SrtpProfile::none;
};

class Transport final : Ice::Owner, Sctp::Owner {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_state (TransportState state) = 0; // failed: see fault ()
    virtual void on_local_candidate (const std::string &candidate) = 0;
    virtual void on_gathered () = 0;
    virtual void on_ice_state (IceState) {}
    virtual void on_pair (const IcePair &) {}
    virtual bool accept_local (const Candidate &) { return true; }
    virtual bool accept_remote (const Candidate &) { return true; }
    virtual bool accept_pair (const IcePair &) { return true; }
    virtual bool accept_binding (const Address &) { return true; }
    virtual void on_rtp (std::span<std::uint8_t>) {} // may be changed; valid during the call
    virtual void on_rtcp (std::span<std::uint8_t>) {}
    virtual void on_datagram (Bytes) {}
    virtual void on_data_connected (std::uint16_t) {} // streams
    virtual void on_data_message (std::uint16_t, std::uint32_t, Bytes) {}
    virtual void on_data_reset (std::uint16_t, bool) {} // stream, incoming
    virtual void on_data_low (std::uint16_t) {}
    virtual void on_data_closed (SctpFault) {}
    virtual void on_silence (bool) {} // true: nothing comes; false: something came again
    virtual void on_warning (const std::string &) {}
  };

  Transport (Loop &loop, Owner &owner, std::shared_ptr<const DtlsContext> dtls,
      TransportSettings settings);
  ~Transport () override; // with a word to the peer, as close ()
  Transport (const Transport &) = delete;
  Transport &operator= (const Transport &) = delete;

  IceCredentials local () const { return ice_.local (); }
  bool set_local (const IceCredentials &local) { return ice_.set_local (local); }
  void gather () { ice_.gather (); }
  void add_servers (const std::vector<IceServer> &servers) { ice_.add_servers (servers); }
  // The first begins DTLS when ICE has a path; later ones may only restart ICE. False: credentials
  // that ICE does not allow, or other fingerprints or roles than before.
  bool set_remote (const TransportPeer &remote);
  bool add_remote (std::string_view candidate) { return ice_.add_remote (candidate); }
  void end_of_candidates () { ice_.end_of_candidates (); }
  void set_controlling (bool controlling) { ice_.set_controlling (controlling); }
  void restart_ice (const IceCredentials &local = {}) { ice_.restart (local); }
  void close ();

  TransportState state () const { return state_; }
  const std::string &fault () const { return fault_; }
  IceState ice_state () const { return ice_.state (); }
  bool pair_refused () const { return ice_.refused (); } // the last one, by accept_pair ()
  const std::optional<IcePair> &pair () const { return ice_.pair (); }
  const std::shared_ptr<MediaSender> &sender () const { return sender_; }
  Sctp *sctp () { return sctp_.get (); } // once on_data_connected
  // One datagram of DTLS; false: not connected, SCTP is in use, or longer than Dtls::max_record.
  bool send_datagram (Bytes bytes);
  std::size_t max_datagram () const
  {
    return settings_.plain ? max_plain : dtls_ ? dtls_->max_payload () : 0;
  }
  TransportStats stats () const;

private:
  static constexpr std::size_t max_plain = 1200;
  void on_ice_candidate (const Candidate &local) override;
  void on_ice_gathered () override { owner_.on_gathered (); }
  void on_ice_state (IceState state) override;
  void on_ice_pair (const IcePair &pair) override;
  void on_ice_packet (std::span<std::uint8_t> packet) override;
  void on_ice_warning (const std::string &what) override { owner_.on_warning (what); }
  bool accept_local (const Candidate &c) override { return owner_.accept_local (c); }
  bool accept_remote (const Candidate &c) override { return owner_.accept_remote (c); }
  bool accept_pair (const IcePair &p) override { return owner_.accept_pair (p); }
  bool accept_binding (const Address &a) override { return owner_.accept_binding (a); }
  void on_sctp_packets (SctpLink::Output &packets) override;
  void on_sctp_connected (std::uint16_t n) override { owner_.on_data_connected (n); }
  void on_sctp_message (std::uint16_t stream, std::uint32_t ppid, Bytes message) override
  {
    owner_.on_data_message (stream, ppid, message);
  }
  void on_sctp_reset (std::uint16_t s, bool incoming) override
  {
    owner_.on_data_reset (s, incoming);
  }
  void on_sctp_low (std::uint16_t stream) override { owner_.on_data_low (stream); }
  void on_sctp_closed (SctpFault fault) override { owner_.on_data_closed (fault); }

  void start ();
  void start_dtls ();
  void on_dtls (Bytes datagram);
  void on_media (std::span<std::uint8_t> packet, bool rtcp);
  void dtls_opened ();
  void start_sctp ();
  void dtls_changed ();
  void read_dtls ();
  void flush_dtls ();
  void authentic ();
  void watch ();
  void handshake_over ();
  void set_state (TransportState state);

  Loop &loop_;
  Owner &owner_;
  const std::shared_ptr<const DtlsContext> context_;
  const TransportSettings settings_;
  Ice ice_;
  const std::shared_ptr<MediaSender> sender_;
  std::optional<TransportPeer> remote_;
  std::unique_ptr<Dtls> dtls_;
  std::unique_ptr<SrtpIn> srtp_in_;
  std::unique_ptr<Sctp> sctp_;
  std::vector<std::vector<std::uint8_t>> early_; // DTLS before there was a path to answer on
  std::vector<Bytes> outgoing_;
  Timer dtls_timer_, handshake_timer_, silence_timer_;
  TimePoint last_authentic_{};
  TransportState state_ = TransportState::fresh;
  std::string fault_;
  bool opened_ = false, silent_ = false;
  std::uint64_t packets_in_ = 0, bytes_in_ = 0, unknown_in_ = 0, early_in_ = 0;
};
} // namespace reach::rtc
