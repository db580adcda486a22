// SPDX-License-Identifier: LGPL-2.1-or-later
#include "login.h"
#include "query.h"

namespace reach::rtmp {
namespace {
// Debian's librtmp 2.4 does not end its challenge and its response: what its stack has behind them
// is sent as well. Its challenge has 8 characters, like those of most clients, a response
// always 24.
constexpr std::size_t max_challenge = 64, usual_challenge = 8, response_size = 24;
constexpr std::size_t number = 16, code_of = 32; // hexadecimal digits
constexpr std::size_t head = 2 * number;         // which challenge it is, and until when it holds
constexpr std::string_view adobe = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=";

std::string hex (Bytes b)
{
  constexpr std::string_view digits = "0123456789abcdef";
  std::string s;
  for (const std::uint8_t c : b) {
    s += digits[c >> 4];
    s += digits[c & 15];
  }
  return s;
}

std::string hex (std::uint64_t v)
{
  std::uint8_t b[8];
  store_be (b, v);
  return hex (Bytes (b));
}

std::optional<std::uint64_t> number_of (std::string_view digits)
{
  std::uint64_t v = 0;
  for (const char c : digits) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
      return std::nullopt;
    v = v << 4 | static_cast<std::uint64_t> (c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return v;
}

// How soon they differ is nobody's business.
bool same (std::string_view a, std::string_view b)
{
  if (a.size () != b.size ())
    return false;
  unsigned different = 0;
  for (std::size_t i = 0; i < a.size (); i++)
    different |= static_cast<unsigned> (static_cast<unsigned char> (a[i] ^ b[i]));
  return different == 0;
}

std::string text_of (std::string_view query, std::string_view name, std::size_t most)
{
  return std::string (parameter (query, name).value_or ("").substr (0, most));
}
} // namespace

// It stands behind the application and behind tcUrl.
Login Login::of (const ConnectInfo &info)
{
  Login l;
  for (const std::string_view query :
      {std::string_view (info.app.query), std::string_view (info.tc_url)}) {
    if (parameter (query, "authmod") != std::optional<std::string_view> ("adobe"))
      continue;
    l.user = text_of (query, "user", Users::max_name + 1);
    if (!good_user_name (l.user))
      return {};
    l.challenge = text_of (query, "challenge", max_challenge);
    l.response = text_of (query, "response", response_size);
    l.opaque = text_of (query, "opaque", head + code_of + 1);
    return l;
  }
  return l;
}

bool is_publisher (const ConnectInfo &info)
{
  return info.command["type"].string () == "nonprivate" || info.flash_version.starts_with ("FMLE");
}

Challenges::Challenges (const Crypto &crypto, Limits limits, TimePoint now)
    : crypto_ (crypto), limits_ (limits), start_ (now)
{
  crypto_.random (key_);
}

std::uint64_t Challenges::second_of (TimePoint t) const
{
  return static_cast<std::uint64_t> (std::chrono::duration_cast<seconds> (t - start_).count ());
}

std::string Challenges::salt_of (std::string_view user) const
{
  const auto d = crypto_.hmac_sha256 (key_, as_bytes ("salt " + std::string (user)));
  return hex (Bytes (d).first (4));
}

std::string Challenges::code (
    std::string_view of, std::string_view user, std::string_view salt) const
{
  // No name and no salt has a space.
  std::string text ("code ");
  text.append (of).append (" ").append (user).append (" ").append (salt);
  return hex (Bytes (crypto_.hmac_sha256 (key_, as_bytes (text))).first (code_of / 2));
}

std::string Challenges::make (std::string_view user, std::string_view salt, TimePoint now)
{
  const std::string h = hex (++last_) + hex (second_of (now + limits_.life) + 1);
  return h + code (h, user, salt);
}

bool Challenges::right (const Login &l, const User *user, TimePoint now) const
{
  if (l.opaque.size () != head + code_of)
    return false;
  const std::string_view h = std::string_view (l.opaque).substr (0, head);
  const auto until = number_of (h.substr (number));
  const std::string salt = user && user->password.empty () ? user->salt : salt_of (l.user);
  std::string hash = md5_base64 (crypto_, {l.user, salt, user ? user->password : hex (key_)});
  if (user && user->password.empty ())
    hash = user->hash;
  const auto expected = [&] (std::string_view challenge) {
    return md5_base64 (crypto_, {hash, l.opaque, challenge});
  };
  const bool ours = same (code (h, l.user, salt), std::string_view (l.opaque).substr (head));
  const bool all = same (expected (l.challenge), l.response);
  const bool begin = same (expected (l.challenge.substr (0, usual_challenge)), l.response);
  return user && ours && (all || begin) && until && second_of (now) < *until;
}

bool Challenges::take (const Login &l, TimePoint now)
{
  if (used_.size () >= limits_.used)
    std::erase_if (used_, [now] (const auto &u) { return u.second <= now; });
  if (used_.size () >= limits_.used)
    return false;
  return used_.emplace (l.opaque, now + limits_.life + seconds (2)).second;
}

std::string login_needed ()
{
  return "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";
}

std::string login_challenge (std::string_view user, std::string_view salt, std::string_view opaque)
{
  std::string s (adobe);
  s.append ("needauth&user=").append (user).append ("&salt=").append (salt);
  // Clients answer opaque where there is one.
  return s.append ("&challenge=")
      .append (opaque.substr (0, number))
      .append ("&opaque=")
      .append (opaque);
}

std::string login_failed ()
{
  return std::string (adobe) + "authfailed";
}
} // namespace reach::rtmp
