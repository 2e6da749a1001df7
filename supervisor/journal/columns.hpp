// Columns of the journal's tables that are octets. Used on the journal's threads.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/sha256.hpp"

namespace cordon {

inline std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

inline void bind_blob(SQLite::Statement& statement, int at, std::string_view bytes) {
  statement.bindNoCopy(at, bytes.data(), static_cast<int>(bytes.size()));
}

inline std::string blob(const SQLite::Column& column) {
  const auto size = static_cast<std::size_t>(column.getBytes());
  return size == 0 ? std::string() : std::string(static_cast<const char*>(column.getBlob()), size);
}

inline std::optional<std::string> optional_blob(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return blob(column);
}

inline Sha256 digest_of(const SQLite::Column& column) {
  Sha256 digest{};
  const auto bytes = blob(column);
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return digest;
}

}  // namespace cordon
