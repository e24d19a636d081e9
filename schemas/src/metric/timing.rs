//! What is timed, how often, and which statistics of it there are.

/// Statistics of repeated timings.
pub(super) const STATISTICS: [&str; 9] =
    ["avg", "max", "min", "p50", "p75", "p90", "p95", "p99", "p999"];

/// Statistics of a forward pass, of the time to the first token, and of that between tokens.
pub(super) const LATENCIES: [&str; 27] = [
    "avg",
    "max",
    "min",
    "p50",
    "p75",
    "p90",
    "p95",
    "p99",
    "p999",
    "ttft_avg",
    "ttft_max",
    "ttft_min",
    "ttft_p50",
    "ttft_p75",
    "ttft_p90",
    "ttft_p95",
    "ttft_p99",
    "ttft_p999",
    "itl_avg",
    "itl_max",
    "itl_min",
    "itl_p50",
    "itl_p75",
    "itl_p90",
    "itl_p95",
    "itl_p99",
    "itl_p999",
];

/// How often something is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Runs before timing starts.
    pub num_warmups: usize,
    /// Timed runs.
    pub num_repeats: usize,
    /// Seconds of rest after each run.
    pub rest_sec: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LATENCIES, STATISTICS};
    use crate::metric::Metric;

    #[test]
    fn every_latency_has_every_statistic() {
        let named =
            ["", "ttft_", "itl_"].map(|what| STATISTICS.map(|name| format!("{what}{name}")));
        assert_eq!(named.concat(), LATENCIES);
    }

    #[test]
    fn the_first_sub_type_with_settings_says_how_often() {
        let timing = |sub_types: Value, user_config: Value| {
            let metric = json!({
                "name": "speed", "type": "latency",
                "sub_types": sub_types, "user_config": user_config
            });
            let timing = serde_json::from_value::<Metric>(metric).unwrap().timing();
            (timing.num_warmups, timing.num_repeats, timing.rest_sec)
        };
        let plain = json!([{"name": "avg"}]);
        assert_eq!(timing(plain.clone(), json!({})), (10, 20, 0));
        assert_eq!(timing(plain, json!({"warmup_num": 0, "sleep_num": 2})), (0, 20, 2));
        let own = json!([
            {"name": "min"},
            {"name": "avg", "metric_config": {"warmup_num": 3}},
            {"name": "max", "metric_config": {"warmup_num": 4, "repeat_test_num": 5}}
        ]);
        assert_eq!(timing(own, json!({"repeat_test_num": 7, "warmup_num": 1})), (3, 7, 0));
    }
}
