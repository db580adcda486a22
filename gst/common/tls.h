// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS 1.2, TLS 1.3 and DTLS 1.2 as a transformation of bytes: what to do with them is the socket's
// matter (stream_socket.h, and the cam transports for datagrams). The rest of the program sees only
// these interfaces; OpenSSL is behind them, or nothing, in a build without it.
#pragma once
#include "common/proto/bytes.h"
#include "common/proto/time.h"
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reach {
struct TlsConfig {
  using Fingerprint = std::array<std::uint8_t, 32>; // SHA-256 of a certificate in DER

  bool server = false, datagrams = false; // datagrams: DTLS
  std::string certificate, key;           // PEM files; no key: it is in the certificate's file
  // PEM file with the authorities to trust. Empty: a client trusts the system's, a server asks
  // its clients for no certificate.
  std::string ca_file;
  bool verify = true; // false: any certificate will do, and a server asks for none
  // When there are some, the peer's certificate has to be one of these; nothing else about it
  // counts.
  std::vector<Fingerprint> pins;
  // Both sides know it, instead of certificates. 10 characters at least.
  std::string passphrase;
  // What is spoken (RFC 7301), up to 255 bytes: a client says it, a server agrees if that is said.
  // Who says nothing, or only other things, gets its connection without. Empty: not said.
  std::string protocol;

  // "AB:CD:…", also without colons and in small letters; several with commas between.
  static std::optional<std::vector<Fingerprint>> parse_pins (std::string_view text);
};

// What a session has agreed on.
struct TlsInfo {
  std::string version, cipher; // "TLSv1.3", "TLS_AES_256_GCM_SHA384"; empty: no session
  std::string peer_name;       // as verified: a host's name, a client certificate's common name
  std::string fingerprint;     // of the peer's certificate, hexadecimal; empty: it has none
  std::string protocol;        // TlsConfig::protocol, if both sides said it
};

enum class TlsFault : std::uint8_t {
  none,
  not_tls,      // the first bytes are something else
  unverified,   // the peer's certificate is not acceptable here
  rejected,     // the peer does not accept ours, or our passphrase
  broken,       // against the protocol, or nothing in common
  truncated,    // the stream ended without the peer's saying so
  out_of_space, // a limit of this side
};

// One connection. One thread at a time.
class TlsSession {
public:
  enum class State : std::uint8_t { handshake, open, ended, failed };
  static constexpr std::size_t max_record = 16384; // of plaintext

  virtual ~TlsSession () = default;
  // From the peer: any part of the stream, or one datagram. Not copied: it stays valid until
  // read () has returned 0 or hold () was called. Goes on with the handshake.
  virtual void input (Bytes bytes) = 0;
  // Bytes of input () that were not looked at yet, kept so that they need not stay valid.
  virtual void hold () = 0;
  // The next plaintext: of a stream as much as fits, of a datagram a whole record. 0: none.
  virtual std::size_t read (std::span<std::uint8_t> out) = 0;
  // One record: at most max_record bytes, while the state is open.
  virtual void write (Bytes plaintext) = 0;
  virtual void finish () = 0;  // says that nothing more will be written
  virtual void timeout () = 0; // DTLS: repeats what was not answered
  virtual std::optional<Duration> next_timeout () const = 0; // from now, while there is a handshake

  // What has to go to the peer, in order. For datagrams `sizes` cuts it. The caller clears both.
  struct Output {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint16_t> sizes;
    void clear ()
    {
      bytes.clear ();
      sizes.clear ();
    }
  };
  Output &output () { return output_; }

  State state () const { return state_; }
  TlsFault fault () const { return fault_; }
  const std::string &detail () const { return detail_; } // of a fault, in words, without secrets
  virtual TlsInfo info () const = 0;                     // once open

protected:
  void fail (TlsFault f, std::string detail)
  {
    if (state_ == State::failed)
      return;
    state_ = State::failed;
    fault_ = f;
    detail_ = std::move (detail);
  }
  State state_ = State::handshake;

private:
  Output output_;
  TlsFault fault_ = TlsFault::none;
  std::string detail_;
};

// Certificates, keys and rules, for any number of sessions on any thread.
class TlsContext {
public:
  virtual ~TlsContext () = default;
  // A client names whom it wants; a server need not.
  virtual std::unique_ptr<TlsSession> session (const std::string &host = {}) const = 0;

  // Reads files and, for a passphrase, computes for about a tenth of a second. Null and `error` in
  // words that tell what to do.
  static std::shared_ptr<const TlsContext> make (const TlsConfig &config, std::string &error);
  static bool built_in ();
};

// DTLS servers: keeps nothing of a client until it has proved its address with a cookie.
class TlsDatagramGate {
public:
  struct Result {
    Bytes reply;                         // to the sender of the datagram, never longer than it
    std::unique_ptr<TlsSession> session; // the address is proved: has answers to send
  };
  virtual ~TlsDatagramGate () = default;
  virtual Result input (Bytes datagram, Bytes address) = 0; // valid until the next call
  // `context` must be of a server with datagrams, and outlive this.
  static std::unique_ptr<TlsDatagramGate> make (const TlsContext &context);
};
} // namespace reach
