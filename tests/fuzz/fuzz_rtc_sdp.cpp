// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as a description and as a candidate. What was read and is written again reads the same.
#include "rtc/proto/codec_offer.h"
#include "rtc/proto/ice_fragment.h"
#include "rtc/proto/jsep_check.h"
#include <cstdlib>

using namespace reach::rtc;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

void answer (const sdp::Media &m)
{
  for (const MediaKind k : {MediaKind::audio, MediaKind::video}) {
    const auto ours = default_codecs (k);
    const auto taken = answer_codecs (m.codecs, ours, false);
    require (taken.size () <= m.codecs.size () * 2);
    // What is taken of it is offered with the same numbers.
    PayloadTypes types;
    types.keep (m);
    for (const Codec &c : types.offer (ours, &m))
      require (c.payload_type < 128);
  }
  ExtensionIds ids;
  ids.keep (m);
  require (ids.offer (m.extensions).size () <= m.extensions.size ());
  require (answer_extensions (m.extensions, m.extensions).size () <= m.extensions.size ());
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  const std::string_view text (reinterpret_cast<const char *> (data), size);
  static const sdp::Description plain = [] {
    sdp::Description d;
    d.media.resize (2);
    return d;
  }();
  if (const auto d = with_ice_fragment (plain, text)) {
    require (d->media.size () == 2 && !d->media[1].transport.ufrag.empty ());
    require (is_ice_restart (plain, *d) && !write_ice_fragment (*d).empty ());
  }
  if (const auto c = parse_candidate (text))
    require (parse_candidate (to_string (*c)) == c);
  if (const auto l = parse_profile_level_id (text))
    require (parse_profile_level_id (to_string (*l))->profile == l->profile);
  sdp::Parsed p = sdp::parse (text);
  if (!p) {
    require (p.description == sdp::Description{});
    return 0;
  }
  const std::string written = sdp::to_string (p.description);
  // A description may grow by what the session said for all m-lines.
  const sdp::Limits wide{
      .bytes = std::size_t{1} << 28, .line = 1 << 20, .lines = 1 << 24, .attributes = 1 << 20};
  const sdp::Parsed again = sdp::parse (written, wide);
  require (again && again.description == p.description);
  require (sdp::to_string (again.description) == written);
  for (const auto type : {DescriptionType::offer, DescriptionType::answer})
    (void)check_description (p.description, type);
  (void)check_answer (p.description, p.description);
  (void)remote_transport (p.description);
  for (const sdp::Media &m : p.description.media)
    answer (m);
  return 0;
}
