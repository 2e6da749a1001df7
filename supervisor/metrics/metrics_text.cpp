// How metrics read: one function for each group, in the order in which docs/metrics.md lists them.
#include "supervisor/metrics/exposition.hpp"
#include "supervisor/metrics/metrics.hpp"

namespace cordon {

class MetricsText {
 public:
  MetricsText(const Metrics& metrics, const Metrics::Now& now) : metrics_(metrics), now_(now) {}

  std::string write() {
    build();
    jobs();
    phases();
    warm();
    refusals();
    egress();
    requests();
    operators();
    process();
    return out_.take();
  }

 private:
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    out_.family(name, "gauge", help);
    out_.sample({}, value);
  }

  void words(std::string_view name, std::string_view label, std::string_view help, const WordCounts& words) {
    out_.family(name, "counter", help);
    for (const auto& [word, count] : words.counts()) out_.sample({{label, word}}, count);
  }

  void build() {
    out_.family("cordon_build_info", "gauge", "Always 1; its label says which version of cordond this is.");
    out_.sample({{"version", now_.version}}, std::uint64_t{1});
  }

  void jobs() {
    out_.family("cordon_jobs_total", "counter", "Jobs that have ended, by profile and outcome.");
    for (const auto& [profile, outcomes] : metrics_.jobs_) {
      for (const auto& [outcome, series] : outcomes) {
        out_.sample({{"profile", profile}, {"outcome", outcome}}, series.count);
      }
    }
    gauge("cordon_jobs_running", "Jobs that have been admitted and have not ended.", now_.jobs_running);
    gauge("cordon_jobs_queued", "Jobs that wait to be admitted.", now_.jobs_queued);
  }

  void histograms(std::string_view name, std::string_view help, Histogram Metrics::JobSeries::*which) {
    out_.family(name, "histogram", help);
    for (const auto& [profile, outcomes] : metrics_.jobs_) {
      for (const auto& [outcome, series] : outcomes) {
        out_.histogram({{"profile", profile}, {"outcome", outcome}}, series.*which);
      }
    }
  }

  void phases() {
    using Series = Metrics::JobSeries;
    histograms("cordon_job_queue_seconds", "From a job's submission to its admission.", &Series::queue);
    histograms("cordon_job_launch_seconds", "To build a sandbox, up to the start of the tool.", &Series::launch);
    histograms("cordon_job_run_seconds", "From the start of the tool to its end.", &Series::run);
    histograms("cordon_job_teardown_seconds", "To end what is left, and to collect artifacts.", &Series::teardown);
  }

  // Of a kind: those with an interpreter in them and those without are counted apart.
  static Exposition::Label prestart_of(const Metrics::WarmKey& kind) {
    return {"prestart", kind.second.empty() ? std::string_view("none") : std::string_view(kind.second)};
  }

  void warm_counter(std::string_view name, std::string_view help, std::uint64_t Metrics::WarmSeries::*which) {
    out_.family(name, "counter", help);
    for (const auto& [kind, series] : metrics_.warm_)
      out_.sample({{"profile", kind.first}, prestart_of(kind)}, series.*which);
  }

  void warm() {
    using Series = Metrics::WarmSeries;
    warm_counter("cordon_warm_hits_total", "Jobs that took a sandbox that stood ready, by profile and interpreter.",
                 &Series::hits);
    warm_counter("cordon_warm_misses_total", "Jobs for which none of that kind stood ready.", &Series::misses);
    warm_counter("cordon_warm_declined_total", "Jobs that the interpreter in it would not take.", &Series::declined);
    out_.family("cordon_warm_sandboxes", "gauge", "Sandboxes without a job, by profile, interpreter and state.");
    for (const auto& [kind, warm] : now_.warm) {
      const auto prestart = prestart_of(kind);
      out_.sample({{"profile", kind.first}, prestart, {"state", "ready"}}, std::uint64_t{warm.ready});
      out_.sample({{"profile", kind.first}, prestart, {"state", "preparing"}}, std::uint64_t{warm.preparing});
    }
    out_.family("cordon_warm_age_seconds", "histogram", "How long a sandbox had stood ready when a job took it.");
    for (const auto& [kind, series] : metrics_.warm_)
      out_.histogram({{"profile", kind.first}, prestart_of(kind)}, series.age);
  }

  void refusals() {
    words("cordon_denials_total", "control", "What jobs tried and were refused, by control.", metrics_.denials_);
    words("cordon_refusals_total", "code", "Requests that were refused, by the problem's code.", metrics_.refusals_);
  }

  void egress() {
    words("cordon_egress_flows_total", "end", "Allowed flows of jobs that have ended, by how.", metrics_.flows_closed_);
    words("cordon_egress_denied_total", "reason", "Flows of jobs that were denied, by reason.", metrics_.flows_denied_);
    out_.family("cordon_egress_queries_denied_total", "counter", "Names that jobs asked for and were refused.");
    out_.sample({}, metrics_.queries_denied_);
    out_.family("cordon_egress_bytes_total", "counter", "Bytes of allowed flows that have ended, by direction.");
    out_.sample({{"direction", "up"}}, metrics_.bytes_up_);
    out_.sample({{"direction", "down"}}, metrics_.bytes_down_);
  }

  void requests() {
    gauge("cordon_connections", "Open connections on the agents' and the operators' socket.", now_.connections);
    out_.family("cordon_connections_evicted_total", "counter", "Connections cut off so that another user gets one.");
    out_.sample({}, now_.connections_evicted);
    out_.family("cordon_http_requests_total", "counter", "Requests that were answered, by method and status.");
    for (const auto& [key, count] : metrics_.requests_) {
      const auto code = std::to_string(key.second);
      out_.sample({{"method", key.first}, {"code", code}}, count);
    }
  }

  void operators() {
    out_.family("cordon_operator_events_total", "counter", "Events for operators, by kind.");
    for (const auto& [kind, count] : now_.events) out_.sample({{"kind", kind}}, count);
    out_.family("cordon_log_lines_lost_total", "counter", "Log lines that the journal had no room for.");
    out_.sample({}, now_.lost_log_lines);
  }

  void process() {
    const auto& process = now_.process;
    out_.family("process_cpu_seconds_total", "counter", "Processor time of cordond, user and system.");
    out_.sample({}, process.cpu_seconds);
    out_.family("process_start_time_seconds", "gauge", "When cordond started, in seconds since 1970.");
    out_.sample({}, process.start_time_seconds);
    gauge("process_resident_memory_bytes", "Resident memory of cordond.", process.resident_bytes);
    gauge("process_virtual_memory_bytes", "Virtual memory of cordond.", process.virtual_bytes);
    gauge("process_open_fds", "Open file descriptors of cordond.", process.open_fds);
    gauge("process_max_fds", "How many file descriptors cordond may open.", process.max_fds);
  }

  const Metrics& metrics_;
  const Metrics::Now& now_;
  Exposition out_;
};

std::string Metrics::text(const Now& now) const {
  return MetricsText(*this, now).write();
}

}  // namespace cordon
