// SPDX-License-Identifier: LGPL-2.1-or-later
// The messages of a file transfer and the names of files; the first byte says which. What is
// accepted must survive another round, and a name must be safe.
#include "cam/proto/file_name.h"
#include "cam/proto/file_transfer.h"
#include "cam/proto/text.h"
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

namespace {
template <typename F> void round_trip (F decode, Bytes in)
{
  const auto x = decode (in);
  if (x && !(decode (encode (*x)) == x))
    std::abort ();
}

void check_name (Bytes in)
{
  const std::string n = safe_file_name ({reinterpret_cast<const char *> (in.data ()), in.size ()});
  if (n.empty () || n.size () > max_safe_name || n[0] == '.' || !is_text (n) ||
      n.find_first_of ("/\\\n\r\t\x7f") != n.npos || safe_file_name (n) != n)
    std::abort ();
  if (!is_text (numbered_file_name (n, 999)))
    std::abort ();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  switch (data[0] % 6) {
  case 0:
    round_trip (decode_file_begin, in);
    break;
  case 1:
    round_trip (decode_file_end, in);
    break;
  case 2:
    round_trip (decode_file_ack, in);
    break;
  case 3:
    if (const auto d = decode_file_data (in)) {
      std::uint8_t wire[FileData::size];
      write (*d, wire);
      if (!(decode_file_data (wire) == d))
        std::abort ();
    }
    break;
  case 4:
    check_name (in);
    break;
  default:
    round_trip (decode_file_abandon, in);
  }
  return 0;
}
