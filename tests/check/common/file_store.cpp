// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/file_store.h"
#include "../check.h"
#include <algorithm>
#include <filesystem>
#include <thread>

using namespace reach;

static std::unique_ptr<FileStore> open_store (const std::string &folder = {})
{
  std::string error;
  auto s = FileStore::open (folder, error);
  fail_unless (s != nullptr, "%s", error.c_str ());
  return s;
}

GST_START_TEST (test_pieces_are_apart)
{
  const auto store = open_store ();
  std::vector<FileStore::Piece> pieces;
  // From one byte to more than a chunk.
  for (std::size_t size = 1; size < 3 * FileStore::chunk_size; size = size * 2 + 1) {
    pieces.push_back (store->take (size));
    fail_unless_equals_int (pieces.back ().bytes.size (), size);
    std::ranges::fill (pieces.back ().bytes, static_cast<std::uint8_t> (pieces.size ()));
  }
  for (std::size_t i = 0; i < pieces.size (); i++)
    fail_unless (std::ranges::all_of (
        pieces[i].bytes, [&] (std::uint8_t x) { return x == static_cast<std::uint8_t> (i + 1); }));
}
GST_END_TEST

// The file does not grow with what has been let go of, on whatever thread.
GST_START_TEST (test_places_are_used_again)
{
  const auto folder = std::filesystem::temp_directory_path ();
  auto store = open_store (folder.string ());
  const auto before = std::filesystem::space (folder).free;
  for (int i = 0; i < 2000; i++) {
    auto piece = store->take (FileStore::chunk_size / 2);
    piece.bytes[0] = 1;
    if (i % 100 == 0)
      std::thread ([p = std::move (piece)] () mutable { p = {}; }).join ();
  }
  const auto after = std::filesystem::space (folder).free;
  fail_unless (after + (256u << 20) > before, "1 GB were taken");
}
GST_END_TEST

GST_START_TEST (test_outlives_the_store)
{
  auto store = open_store ();
  auto small = store->take (100), large = store->take (5 * FileStore::chunk_size);
  store.reset ();
  std::ranges::fill (small.bytes, std::uint8_t{1});
  std::ranges::fill (large.bytes, std::uint8_t{2});
  fail_unless (small.bytes[99] == 1 && large.bytes[large.bytes.size () - 1] == 2);
}
GST_END_TEST

GST_START_TEST (test_no_such_folder)
{
  std::string error;
  fail_unless (!FileStore::open ("/no/such/folder", error));
  fail_unless (error.find ("/no/such/folder") != error.npos, "%s", error.c_str ());
}
GST_END_TEST

static Suite *file_store_suite ()
{
  Suite *s = suite_create ("file_store");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pieces_are_apart);
  tcase_add_test (tc, test_places_are_used_again);
  tcase_add_test (tc, test_outlives_the_store);
  tcase_add_test (tc, test_no_such_folder);
  return s;
}

GST_CHECK_MAIN (file_store)
