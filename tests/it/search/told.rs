//! What a search tells while it runs.

use serde_json::json;

use super::judged;

#[test]
fn a_metric_without_samples_is_told_once_by_the_first_trial_that_has_it() {
    let passes = json!({"choose": [
        {"type": "Toy", "behavior": "fail"}, {"type": "Toy", "score": 0.4},
        {"type": "Toy", "score": 0.6}
    ]});
    let metrics = json!([{
        "name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}],
        "sample_log_num": 1, "sample_log_dir": "samples"
    }]);
    let said = judged(&passes, &json!({"sampler": "sequential"}), &metrics).run();
    said.check(0, &["variant 3: measured"]);
    assert_eq!(said.err.matches("metric `size` has no samples").count(), 1, "{}", said.err);
}
