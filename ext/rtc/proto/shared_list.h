// SPDX-License-Identifier: LGPL-2.1-or-later
// A list that nobody changes, held by all that have a copy: what is the same for each peer.
#pragma once
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace reach::rtc {
template <typename T> class SharedList {
public:
  using value_type = T;

  SharedList () = default;
  SharedList (std::vector<T> items)
      : items_ (std::make_shared<const std::vector<T>> (std::move (items)))
  {
  }
  SharedList (std::initializer_list<T> items) : SharedList (std::vector<T> (items)) {}

  const std::vector<T> &get () const
  {
    static const std::vector<T> none;
    return items_ ? *items_ : none;
  }
  operator const std::vector<T> & () const { return get (); }
  bool empty () const { return get ().empty (); }
  std::size_t size () const { return get ().size (); }
  auto begin () const { return get ().begin (); }
  auto end () const { return get ().end (); }

private:
  std::shared_ptr<const std::vector<T>> items_;
};
} // namespace reach::rtc
