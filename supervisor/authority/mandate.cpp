#include "supervisor/authority/mandate.hpp"

#include "profiles/canonical_json.hpp"

namespace cordon {

std::string mandate_text(const Mandate& mandate) {
  Json body = {{"uid", mandate.uid}, {"grant", mandate.grant}, {"data", to_json(mandate.data)}};
  body["approval"] = mandate.approval ? to_json(*mandate.approval) : Json();
  const Json out = {{"mandate", body}, {"sha256", hex(canonical_digest(body))}};
  return out.dump();
}

std::optional<Mandate> parse_mandate(const std::string& text) {
  try {
    const auto value = parse_strict_json(text);
    if (!value) return std::nullopt;
    const auto& body = value->at("mandate");
    if (value->at("sha256") != hex(canonical_digest(body))) return std::nullopt;
    Mandate mandate{body.at("uid"), body.at("grant"), provenance_of(body.at("data")), std::nullopt};
    if (body.at("approval").is_null()) return mandate;
    mandate.approval = parse_approval(body.at("approval"));
    return mandate.approval ? std::optional(mandate) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace cordon
