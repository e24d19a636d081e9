//! Peak memory: what the process holds at most while a model runs.

use std::fs;

use crate::error::MeasureError;
use crate::model::{LanguageModel, check_length};
use crate::progress::{Observer, Progress, tell};
use crate::timing::{Timings, time_run};

/// Most bytes of memory that this process holds while `model` reads `prompt` and puts `num_tokens`
/// tokens after its first: weights, cache, what the runtime keeps, and the program itself.
///
/// The high-water mark of Linux (`VmHWM`) is set back to what is held before the run, so that
/// loading the model and other metrics do not count. Pages of weights that are mapped count when
/// they were read.
///
/// # Errors
/// When the system keeps no mark that can be set back, when prompt and tokens do not fit the model,
/// or the model fails.
pub(crate) fn peak_bytes(
    model: &mut dyn LanguageModel,
    prompt: &[u32],
    num_tokens: usize,
    observer: &mut Observer<'_>,
) -> Result<u64, MeasureError> {
    check_length(model, prompt.len() + num_tokens, || "the prompt with its answer".into())?;
    fs::write("/proc/self/clear_refs", "5").map_err(|source| MeasureError::NoPeak { source })?;
    time_run(model, prompt, num_tokens, &mut Timings::default())?;
    let status = fs::read_to_string("/proc/self/status");
    let status = status.map_err(|source| MeasureError::NoPeak { source })?;
    tell(observer, Progress { unit: "run", done: 1, total: 1, figures: &[] })?;
    Ok(high_water_mark(&status).unwrap_or(0))
}

/// `VmHWM` of a `/proc/PID/status`, in bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::ops::ControlFlow;

    use super::{high_water_mark, peak_bytes};
    use crate::error::MeasureError;
    use crate::progress::Progress;
    use crate::toy::Parrot;

    #[test]
    fn the_mark_is_read_in_bytes() {
        let status = "Name:\tolive\nVmPeak:\t 9 kB\nVmHWM:\t    2096 kB\nVmRSS:\t 5 kB\n";
        assert_eq!(high_water_mark(status), Some(2_146_304));
        assert_eq!(high_water_mark("Name:\tolive\n"), None);
    }

    /// What was held before and is no longer does not count.
    #[test]
    fn only_what_is_held_during_the_run_counts() {
        const BEFORE: usize = 512 << 20;
        drop(black_box(vec![1_u8; BEFORE]));
        let mut model = Parrot::new(Vec::new());
        let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
        match peak_bytes(&mut model, &[7; 8], 4, go_on) {
            Ok(bytes) => {
                assert!(bytes > 1 << 20 && bytes < BEFORE as u64, "{bytes}");
                assert_eq!(model.cached(), 12);
            }
            Err(MeasureError::NoPeak { source }) => {
                println!("skipped: no high-water mark: {source}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}
