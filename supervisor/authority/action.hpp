// All that a job will be, in one value: what policy judged, what people approve, what evidence names by its digest.
// Pure.
#pragma once

#include "profiles/config.hpp"
#include "supervisor/authority/mandate.hpp"
#include "supervisor/identity.hpp"
#include "supervisor/jobs/job_order.hpp"

namespace cordon {

// What its image is at this moment: a tree, or a file with its digest; the view of the host when it is neither.
ImageConfig image_of(const JobOrder& order, const Config& config);

// Contents stand in it as size and digest, so that it can be shown and kept.
Json action_of(const JobOrder& order, const Account& account, const Mandate& mandate, const ImageConfig& image);
Sha256 action_digest(const JobOrder& order, const Account& account, const Mandate& mandate, const ImageConfig& image);

// What of the contents a person may want to read: the beginnings of files and standard input.
Json previews_of(const JobOrder& order);

}  // namespace cordon
