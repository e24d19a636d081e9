//! Plugins that say too much, or where nobody should.

use serde_json::json;

use super::{Scene, check};
use crate::playground::signal;

/// The plugin makes noise, but does its work: the step is done, and what is said is bounded.
fn check_done(act: &str) {
    let scene = Scene::new();
    let said = scene.act(act);
    said.check(0, &["[2/2] second (Hostile): done"]);
    assert_eq!(scene.playground.read("out/weights"), "some weights");
    let footprint = scene.playground.read("out/footprint.json");
    for text in [&said.out, &said.err, &footprint] {
        assert!(text.len() < 24 << 20, "{act}: {} bytes", text.len());
        assert!(!text.contains("forged"), "{act}");
    }
}

#[test]
fn closed_standard_streams_do_not_matter() {
    check_done("close_standard_streams");
}

#[test]
fn garbage_on_standard_output_does_not_matter() {
    check_done("print_garbage");
}

#[test]
#[cfg(target_os = "linux")]
fn garbage_on_the_way_to_the_host_does_not_matter() {
    check_done("write_garbage_to_host");
}

#[test]
#[cfg(target_os = "linux")]
fn an_endless_line_on_the_way_to_the_host_has_no_answer_in_it() {
    // The answer stands at the end of that line.
    check("write_endless_line_to_host", 20, &["no answer", "a line too long for a message"]);
}

#[test]
fn a_hundred_megabytes_of_log_are_cut_and_counted() {
    let scene = Scene::new();
    let said = scene.act("log_without_end");
    said.check(0, &["[2/2] second (Hostile): done", "further lines"]);
    assert!(said.err.len() < 16 << 20, "{} bytes", said.err.len());
    let footprint = scene.playground.read("out/footprint.json");
    assert!(footprint.len() < 4 << 20, "{} bytes", footprint.len());
}

#[test]
fn progress_without_end_is_thinned() {
    check_done("progress_without_end");
}

#[test]
#[cfg(unix)]
fn closing_the_way_to_the_host_is_told() {
    check(
        "close_everything",
        20,
        &["olive_plugin_hostile", "closed its way to the host, went on, and was stopped"],
    );
}

#[test]
#[cfg(unix)]
fn errors_without_end_and_without_lines_fill_no_memory() {
    let scene = Scene::new();
    scene.write(json!({"act": "print_errors_without_end"}));
    let mut running = scene.playground.spawn();
    running.line_with("the plugin begins");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let host = running.host();
    let status = std::fs::read_to_string(format!("/proc/{host}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = kilobytes.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    signal("INT", &host);
    running.end().check(30, &["second (Hostile): cancelled"]);
    assert!(kilobytes.is_none_or(|kilobytes| kilobytes < 400 << 10), "{kilobytes:?} KiB");
    scene.is_unharmed();
}
