// SPDX-License-Identifier: LGPL-2.1-or-later
// The same bytes whole and in pieces must give the same requests; the first input byte seeds the
// cuts.
#include "common/proto/http1.h"
#include "common/proto/http1_text.h"
#include <cstdlib>

using namespace reach;
using namespace reach::http;

namespace {
struct Seen {
  std::string text;
  bool broken = false;

  void feed (RequestParser &p, Bytes in)
  {
    for (;;) {
      switch (p.next (in)) {
      case RequestParser::Event::need_more:
        if (!in.empty ())
          abort ();
        return;
      case RequestParser::Event::head: {
        const Request &r = p.request ();
        if (r.chunked && r.content_length)
          abort ();
        text += r.method + r.path + r.query;
        for (const Header &h : r.headers)
          text += h.name + h.value;
        break;
      }
      case RequestParser::Event::body:
        text.append (p.data ().begin (), p.data ().end ());
        break;
      case RequestParser::Event::end:
        text += '\n';
        break;
      case RequestParser::Event::fault:
        text += fault_name (p.fault ());
        broken = true;
        return;
      }
    }
  }
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  std::uint32_t seed = data[0];
  const Bytes in (data + 1, size - 1);
  Limits limits;
  limits.request_line = 300;
  limits.header_bytes = 500;
  limits.body = 4096;
  RequestParser whole (limits), cut (limits);
  Seen a, b;
  a.feed (whole, in);
  for (Bytes rest = in; !rest.empty () && !b.broken;) {
    seed = seed * 1103515245 + 12345;
    const std::size_t n = std::min<std::size_t> (rest.size (), 1 + (seed >> 16) % 23);
    b.feed (cut, rest.first (n));
    rest = rest.subspan (n);
  }
  if (a.text != b.text || a.broken != b.broken)
    abort ();

  const std::string_view s (reinterpret_cast<const char *> (in.data ()), in.size ());
  Query::parse (s);
  if (const auto d = base64url_decode (s))
    if (base64url_decode (base64url_encode (*d)) != d)
      abort ();
  if (const auto d = percent_decode (s); d && d->find ('\0') == std::string::npos)
    if (percent_decode (percent_encode (*d)) != d)
      abort ();
  return 0;
}
