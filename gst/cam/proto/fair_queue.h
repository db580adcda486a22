// SPDX-License-Identifier: LGPL-2.1-or-later
// What many bring to be done one at a time: everybody has a turn, however much one of them brings.
// One thread.
#pragma once
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace reach::cam {

template <typename T> class FairQueue {
public:
  FairQueue (std::size_t limit, std::size_t limit_of_one) : limit_ (limit), of_one_ (limit_of_one)
  {
  }

  // What finds no place any more: nothing, `item`, or the newest of who has the most.
  std::optional<T> put (const std::string &who, T item)
  {
    auto &own = waiting_[who];
    if (own.size () >= of_one_)
      return item;
    own.push_back (std::move (item));
    if (own.size () == 1)
      turns_.push_back (who);
    if (++size_ <= limit_)
      return {};
    auto most = std::ranges::max_element (
        waiting_, {}, [] (const auto &entry) { return entry.second.size (); });
    if (most->second.size () == 1)
      most = waiting_.find (who);
    std::optional<T> out (std::move (most->second.back ()));
    most->second.pop_back ();
    size_--;
    if (most->second.empty ())
      forget (most);
    return out;
  }

  std::optional<T> take ()
  {
    if (turns_.empty ())
      return {};
    const std::string who = std::move (turns_.front ());
    turns_.pop_front ();
    const auto own = waiting_.find (who);
    std::optional<T> out (std::move (own->second.front ()));
    own->second.pop_front ();
    size_--;
    if (own->second.empty ())
      waiting_.erase (own);
    else
      turns_.push_back (who);
    return out;
  }
  std::size_t size () const { return size_; }

private:
  using Waiting = std::map<std::string, std::deque<T>>;
  void forget (typename Waiting::iterator own)
  {
    std::erase (turns_, own->first);
    waiting_.erase (own);
  }

  const std::size_t limit_, of_one_;
  Waiting waiting_;               // none is empty
  std::deque<std::string> turns_; // each of those once
  std::size_t size_ = 0;
};
} // namespace reach::cam
