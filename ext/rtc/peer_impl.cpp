// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtcpeer's life, and its inputs.
#include "peer_impl.h"
#include "rtc/proto/codec.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr Duration goodbye_time = milliseconds (500);

std::vector<std::string> words (const std::string &text)
{
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size ();) {
    const std::size_t end = std::min (text.find_first_of (", ", at), text.size ());
    if (end > at)
      all.push_back (text.substr (at, end - at));
    at = end + 1;
  }
  return all;
}

// webrtcbin's stun://host:port is no URI of RFC 7064, but everybody writes it.
std::string without_slashes (std::string uri)
{
  const auto at = uri.find ("://");
  if (at != std::string::npos)
    uri.erase (at + 1, 2);
  return uri;
}

// Those of `names`, in that order, with what repairs them.
std::vector<Codec> chosen (const std::vector<Codec> &known, const std::string &names)
{
  std::vector<Codec> wanted;
  for (const std::string &name : words (names))
    wanted.push_back ({.name = name});
  std::vector<Codec> all;
  for (const Codec &w : wanted)
    for (const Codec &k : known)
      if (is_name (k, w.name))
        all.push_back (k);
  for (const Codec &k : known)
    if (is_auxiliary (k))
      all.push_back (k);
  return all;
}

sdp::Fingerprint fingerprint_of (const Certificate &c)
{
  const Fingerprint f = c.fingerprint ();
  sdp::Fingerprint out{f.algorithm, {}};
  for (std::size_t i = 0; i + 1 < f.value.size (); i += 3)
    out.digest.push_back (static_cast<std::uint8_t> (
        g_ascii_xdigit_value (f.value[i]) * 16 + g_ascii_xdigit_value (f.value[i + 1])));
  return out;
}
} // namespace

PeerImpl::~PeerImpl ()
{
  release ();
}

void PeerImpl::set_playing (bool playing)
{
  data_.set_playing (playing);
}

void PeerImpl::dispose ()
{
  release ();
  inputs_.clear ();
  std::map<GstPad *, std::shared_ptr<Input>> pads;
  pads_.lock ()->swap (pads);
}

bool PeerImpl::make_config (const PeerSettings &s, PeerConfig &config)
{
  if (!s.dtls && !s.datagrams) {
    GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
        ("Without DTLS there are only datagrams: set datagrams=true, or dtls=true."), (nullptr));
    return false;
  }
  std::string error;
  if (s.certificate.empty ()) {
    config.dtls = threads_->dtls (error);
  } else if (auto own = Certificate::load (s.certificate, s.key, error)) {
    config.dtls = DtlsContext::make (std::move (own), {}, error);
  }
  if (!config.dtls) {
    GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
        ("The DTLS certificate cannot be used: %s. Look at dtls-certificate and dtls-key.",
            error.c_str ()),
        (nullptr));
    return false;
  }
  std::vector<std::string> uris = words (s.ice_servers);
  if (!s.stun_server.empty ())
    uris.push_back (s.stun_server);
  uris.insert (uris.end (), s.turn_servers.begin (), s.turn_servers.end ());
  for (const std::string &text : uris) {
    const auto uri = turn::parse_uri (without_slashes (text));
    IceServer server;
    if (uri)
      server.uri = *uri;
    const std::string fault = uri ? Ice::check (server) : "it is no URI of RFC 7064 or 7065";
    if (!fault.empty ()) {
      GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
          ("The ICE server \"%s\" cannot be used: %s.", turn::redact (text).c_str (),
              fault.c_str ()),
          (nullptr));
      return false;
    }
    config.ice.servers.push_back (std::move (server));
  }
  const auto secure = [] (const IceServer &server) { return server.uri.secure; };
  if (std::ranges::any_of (config.ice.servers, secure)) {
    TlsConfig tls;
    tls.ca_file = s.tls_ca_file;
    tls.verify = s.tls_verify;
    config.ice.tls = TlsContext::make (tls, error);
    if (!config.ice.tls) {
      GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
          ("TLS to TURN servers is not possible: %s.", error.c_str ()), (nullptr));
      return false;
    }
  }
  config.ice.relay_only = s.relay_only;
  config.ice.tcp = s.ice_tcp;
  config.ice.min_port = static_cast<std::uint16_t> (s.min_port);
  config.ice.max_port = static_cast<std::uint16_t> (s.max_port);
  // webrtcbin refuses m-lines without a fingerprint, and others those with port 0.
  config.jsep.bundle_only = false;
  config.jsep.fingerprints = {fingerprint_of (config.dtls->certificate ())};
  if (s.role != DtlsChoice::automatic)
    config.jsep.role = s.role == DtlsChoice::client ? DtlsRole::client : DtlsRole::server;
  if (!s.video_codecs.empty ())
    config.jsep.video = chosen (config.jsep.video, s.video_codecs);
  if (!s.audio_codecs.empty ())
    config.jsep.audio = chosen (config.jsep.audio, s.audio_codecs);
  config.receiving.latency = milliseconds (s.latency);
  config.datagrams = s.datagrams;
  config.plain = !s.dtls;
  config.ice.max_checks = s.max_pairs;
  config.silence = milliseconds (s.silence);
  auto &c = config.sending.congestion;
  c.min = std::min (s.min_bitrate, s.max_bitrate);
  c.max = s.max_bitrate;
  c.start = std::clamp (double (s.start_bitrate), c.min, c.max);
  // Seconds since 1900 of now; the same moment on the cores' clock.
  const gint64 us = g_get_real_time ();
  config.sending.ntp = {Clock::now (),
      (static_cast<std::uint64_t> (us / 1'000'000 + 2208988800) << 32) +
          static_cast<std::uint64_t> (us % 1'000'000) * 4295};
  return true;
}

bool PeerImpl::prepare ()
{
  threads_ = PeerThreads::get ();
  loop_ = &threads_->loop ();
  const PeerSettings s = *settings.lock ();
  PeerConfig config;
  if (!make_config (s, config)) {
    loop_ = nullptr;
    threads_.reset ();
    return false;
  }
  loop_->call ([&] { config_ = std::move (config); });
  begin_run ();
  return true;
}

// Where the application signals there is a session from READY on, so that it can be told of data
// channels and transceivers before anything starts.
void PeerImpl::begin_run ()
{
  status_.update ([] (PeerStatus &st) { st = {}; });
  alive_ = std::make_shared<std::atomic<bool>> (true);
  const bool own = !settings.lock ()->signalling_uri.empty ();
  loop_->call ([&] {
    used_ = false;
    if (!own)
      make_session (PeerSession::Mode::application);
  });
}

bool PeerImpl::start ()
{
  const PeerSettings s = *settings.lock ();
  if (s.signalling_uri.empty ())
    return true;
  std::string error;
  loop_->call ([&] {
    signaller_ = Signaller::make (*loop_, *this,
        {s.signalling_uri, s.signalling_token, s.tls_ca_file, s.tls_verify}, error);
  });
  if (error.empty ())
    return true;
  GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
      ("The signalling-uri cannot be used: %s.", error.c_str ()), (nullptr));
  return false;
}

void PeerImpl::stop ()
{
  if (!alive_)
    return;
  end_run ();
  begin_run ();
}

void PeerImpl::end_run ()
{
  *alive_ = false;
  auto left = std::make_shared<std::promise<void>> ();
  loop_->call ([&] {
    end_session ();
    for (const auto &o : outputs_)
      o->pad = nullptr;
    outputs_.clear ();
    if (!signaller_)
      return left->set_value ();
    signaller_->goodbye ([left] { left->set_value (); });
  });
  // So that the other side knows, even when the process ends now; a server that hangs is not
  // waited for.
  left->get_future ().wait_for (goodbye_time);
  loop_->call ([&] { signaller_.reset (); });
  Made made;
  made_.update ([&made] (Made &m) { m.swap (made); });
  made.clear ();
  data_.remove_src_pads ();
  forget_transceivers ();
  alive_.reset ();
}

void PeerImpl::release ()
{
  if (alive_)
    end_run ();
  loop_ = nullptr;
  threads_.reset ();
}

void PeerImpl::make_session (PeerSession::Mode mode)
{
  end_session ();
  PeerConfig config = config_;
  session_ = std::make_unique<PeerSession> (*loop_, *this, std::move (config), mode);
  connected_told_ = silent_ = needed_ = false;
  for (const auto &i : inputs_)
    i->added = i->described = false;
  data_.open (*session_);
  update_inputs ();
}

// The pads of a peer that will be followed by another stay.
void PeerImpl::end_session ()
{
  if (!session_)
    return;
  session_->close ();
  for (const auto &o : outputs_)
    o->track.reset ();
  // It may be that it is it who calls.
  loop_->destroy_later (std::move (session_));
}

bool PeerImpl::post (Task what)
{
  if (!loop_)
    return false;
  loop_->post ([this, what = std::move (what)] {
    if (session_)
      what (*session_);
  });
  return true;
}

bool PeerImpl::call (const Task &what)
{
  bool done = false;
  if (loop_)
    loop_->call ([&] {
      if (!session_)
        return;
      what (*session_);
      done = true;
    });
  return done;
}

void PeerImpl::apply_settings ()
{
  const PeerSettings s = *settings.lock ();
  for (const auto &[pad, input] : *pads_.lock ()) {
    input->pad->set_bitrate_limits (s.min_bitrate, s.max_bitrate);
    input->pad->set_adapt (s.adapt);
  }
  if (!loop_)
    return;
  loop_->post ([this, s] {
    config_.receiving.latency = milliseconds (s.latency);
    for (const auto &o : outputs_)
      if (o->pad)
        o->pad->set_latency (milliseconds (s.latency));
    if (!session_)
      return;
    session_->connection ().set_latency (milliseconds (s.latency));
    session_->connection ().set_bitrate_limits (
        std::min (s.min_bitrate, s.max_bitrate), s.max_bitrate);
  });
}

// Inputs

GstPad *PeerImpl::request_pad (GstPadTemplate *templ, const char *name, const GstCaps *)
{
  if (g_str_has_prefix (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), "data"))
    return data_.request_pad (
        templ, name, g_str_equal (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), "datagram"));
  const bool audio = g_str_has_prefix (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), "audio");
  const MediaKind kind = audio ? MediaKind::audio : MediaKind::video;
  std::string own;
  if (name) {
    own = name;
  } else {
    auto pads = pads_.lock ();
    for (unsigned n = 0; own.empty (); n++) {
      const std::string attempt = (audio ? "audio_" : "video_") + std::to_string (n);
      if (std::ranges::none_of (*pads, [&] (const auto &p) { return attempt == GST_PAD_NAME (p.first); }))
        own = attempt;
    }
  }
  auto input = std::make_shared<Input> ();
  const CharPtr track (g_uuid_string_random ());
  input->track = track.get ();
  input->pad = std::make_unique<InputPad> (bin_, *this, own.c_str (), templ, kind);
  GstPad *pad = input->pad->pad ();
  pads_.lock ()->emplace (pad, input);
  apply_settings ();
  const auto add = [this, input] {
    inputs_.push_back (input);
    update_inputs ();
  };
  if (loop_)
    loop_->call (add);
  else
    inputs_.push_back (input); // nobody else is there
  return pad;
}

bool PeerImpl::release_pad (GstPad *pad)
{
  if (data_.release_pad (pad))
    return true;
  std::shared_ptr<Input> input;
  pads_.update ([&] (auto &pads) {
    const auto at = pads.find (pad);
    if (at == pads.end ())
      return;
    input = at->second;
    pads.erase (at);
  });
  if (!input)
    return false;
  const auto remove = [&] {
    std::erase (inputs_, input);
    if (session_)
      session_->remove_input (input->pad->source ().get ());
  };
  if (loop_)
    loop_->call (remove);
  else
    remove ();
  input->pad.reset ();
  return true;
}

void PeerImpl::on_input_formats (InputPad &)
{
  if (loop_)
    loop_->post ([this] { update_inputs (); });
}

// Those whose formats are not known yet hold the session back: an offer should have them all.
// Where the application offers, it sees the transceivers at once.
void PeerImpl::update_inputs ()
{
  if (!session_)
    return;
  bool ready = true;
  const std::string uri = settings.lock ()->signalling_uri;
  const Direction direction = uri.starts_with ("whip") ? Direction::sendonly : Direction::sendrecv;
  for (const auto &i : inputs_) {
    const bool described = i->pad->ready ();
    ready &= described;
    if (!i->added && (described || uri.empty ()))
      i->added = session_
                     ->add_input ({.source = i->pad->source (),
                         .track = i->track,
                         .stream = "reach",
                         .direction = direction})
                     .has_value ();
    if (i->added && described && !std::exchange (i->described, true))
      session_->set_codecs (i->pad->source ().get (), i->pad->preferences ());
  }
  session_->set_hold (!ready);
  if (ready && needed_)
    negotiation_needed ();
  update_transceivers ();
}
} // namespace reach::rtc
