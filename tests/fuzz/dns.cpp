// A question as a job's tool sends it: read, and every answer to it is a message that has the question in it.
#include "netfilter/dns/message.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon::egress;
using cordon::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = cordon::fuzz::text_of(data, size);
  const auto read = read_dns_query(bytes);
  const auto* query = std::get_if<DnsQuery>(&read);
  if (query == nullptr) return 0;
  must(bytes.substr(12, query->question.size()) == query->question, "the question is the message's own");
  for (const auto& answer :
       {answer_address(*query, 0xc6120002, 60), answer_nothing(*query), refuse(*query, "no_grant")}) {
    must(answer.substr(12, query->question.size()) == query->question, "an answer has the question in it");
    must(answer.size() <= 512, "an answer fits into the smallest datagram");
    must(std::holds_alternative<NotAQuery>(read_dns_query(answer)), "an answer is no question");
  }
  return 0;
}
