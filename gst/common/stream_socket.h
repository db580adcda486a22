// SPDX-License-Identifier: LGPL-2.1-or-later
// A non-blocking TCP connection on a loop: reads into the loop's scratch area (or straight into the
// owner's memory), writes a queue of slices with sendmsg and resumes partial writes. No payload is
// copied. With a TLS session it is all the same to the owner, who then hears of the connection when
// the handshake is over.
#pragma once
#include "address.h"
#include "common/proto/slice.h"
#include "loop.h"
#include "send_queue.h"
#include "tls.h"

namespace reach {
class StreamSocket final : EpollSet::Handler {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_connected () = 0;
    virtual void on_input (Bytes bytes) = 0;
    // Where the next bytes belong, for a large message under way; else empty.
    virtual std::span<std::uint8_t> direct () { return {}; }
    virtual void on_direct (std::size_t n) {}
    // Where the bytes behind those go. Empty: anywhere, valid until the next read.
    virtual std::span<std::uint8_t> area () { return {}; }
    virtual void on_writable () = 0; // the queue is empty and the kernel takes more
    // The last call. 0: the peer ended the stream orderly, else an errno.
    virtual void on_closed (int error) = 0;
  };

  // Connecting starts at once; on_connected or on_closed follows, never from within the
  // constructor.
  StreamSocket (Loop &loop, Owner &owner, const Address &to, std::unique_ptr<TlsSession> tls = {});
  // Takes an accepted descriptor over. on_connected comes only with TLS whose handshake is not
  // over.
  StreamSocket (Loop &loop, Owner &owner, int fd, std::unique_ptr<TlsSession> tls = {});
  ~StreamSocket () override; // closes; not from within an owner's callback
  StreamSocket (const StreamSocket &) = delete;
  StreamSocket &operator= (const StreamSocket &) = delete;

  // Another owner takes the connection (a protocol was recognised); bytes already read go to it by
  // hand.
  void set_owner (Owner &owner) { owner_ = &owner; }

  void queue (Slice s) { queue_.push (std::move (s)); }
  void flush (); // writes as much as the kernel takes
  // What is the same for many connections can be written without queueing it. Only while
  // takes_more (): nothing is queued, and the kernel has room. Returns what was taken; the rest is
  // to be queued, and leaves by itself.
  bool takes_more ()
  {
    return connected_ && error_ == 0 && !tls_ && queue_.empty () && !congested ();
  }
  std::size_t write_now (std::span<const iovec> pieces, std::size_t bytes);
  void set_reading (bool on); // off: back-pressure on the peer
  // Queued bytes are written, then the sending side is shut down; on_closed comes when the peer has
  // closed too.
  void finish ();
  void close (); // at once; no callback follows
  // Gives the connection away, maybe to a socket on another loop; no callback follows. What came
  // and the owner has not got goes along. Not while anything is queued.
  struct Detached {
    int fd = -1; // of whoever has this
    std::unique_ptr<TlsSession> tls;
  };
  Detached detach ();

  bool open () const { return fd_ >= 0; }
  Address local () const { return open () ? Address::local_of (fd_) : Address{}; }
  bool connected () const { return connected_; }
  bool established () const { return connected_ && (!tls_ || tls_->told); } // and shook hands
  // Bytes queued here, or unsent in the kernel: how far behind the peer is.
  std::size_t queued () const;
  bool congested (); // the kernel holds more than notsent_limit unsent; on_writable will follow
  std::string peer () const { return peer_.text (); }
  const Address &peer_address () const { return peer_; }
  std::uint64_t bytes_sent () const { return sent_; }
  std::uint64_t bytes_received () const { return received_; }

  bool secure () const { return tls_ != nullptr; }
  TlsInfo tls_info () const;
  // Why TLS ended the connection, in words too; on_closed then gets EPROTO or ETIMEDOUT.
  TlsFault tls_fault () const { return tls_ ? tls_->fault : TlsFault::none; }
  std::string tls_detail () const { return tls_ ? tls_->detail : std::string (); }

  // What a write touches of this.
  std::array<const void *, 2> places () const { return {&fd_, &queue_}; }

  static constexpr int notsent_limit = 128 << 10;
  static constexpr Duration handshake_limit = seconds (10);

private:
  // What only a connection with TLS has (stream_tls.cpp).
  struct Tls {
    Tls (StreamSocket &s, std::unique_ptr<TlsSession> t);
    std::unique_ptr<TlsSession> session;
    Timer limit;             // of the handshake
    Timer resume;            // what came while reading was off
    std::size_t written = 0; // of the session's output
    bool told = false;       // on_connected
    TlsFault fault = TlsFault::none;
    std::string detail;
  };

  void on_ready (std::uint32_t events) override;
  void setup ();
  void read_some (std::uint32_t events);
  bool read_once (bool &more);
  void pace (Duration took);
  void write_plain ();
  bool wrote (ssize_t n, std::size_t asked);
  void watch ();
  void fail (int error);

  void begin_tls ();
  std::unique_ptr<TlsSession> release_tls ();
  bool read_tls (bool &more);
  bool process_tls ();
  void write_tls ();
  void encrypt ();
  bool fail_tls (TlsFault fault, std::string detail, int error);

  Loop &loop_;
  Owner *owner_;
  EpollSet::Token token_ = 0;
  std::uint32_t watching_ = 0;
  Timer later_; // reports an immediate failure from the loop, not from the constructor
  std::size_t most_ = SIZE_MAX; // bytes of the next read
  Address peer_;
  // What a write touches, together.
  int fd_ = -1, error_ = 0;
  bool connected_ = false, reading_ = true, want_write_ = false, finishing_ = false, shut_ = false;
  std::unique_ptr<Tls> tls_;
  std::uint64_t sent_ = 0, checked_ = 0, received_ = 0;
  SendQueue queue_;
};
} // namespace reach
