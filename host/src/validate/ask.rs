//! Asking several validators at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Validators for which one more thread pays.
const PER_THREAD: usize = 4;

/// The answers of `all` to `ask`, in their order.
pub(super) fn each<T: Sync, A: Send>(all: &[T], ask: impl Fn(&T) -> A + Sync) -> Vec<A> {
    if all.len() <= PER_THREAD {
        return all.iter().map(ask).collect();
    }
    let num_cores = thread::available_parallelism().map_or(1, usize::from);
    let num_threads = all.len().div_ceil(PER_THREAD).min(num_cores);
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(all.len()));
    thread::scope(|scope| {
        for _ in 0..num_threads {
            scope.spawn(|| {
                while let Some((index, one)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    all.get(index).map(|one| (index, one))
                } {
                    let answer = (index, ask(one));
                    if let Ok(mut answers) = answers.lock() {
                        answers.push(answer);
                    }
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_default();
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn answers_come_in_the_order_of_those_asked() {
        for count in [0, 1, 50] {
            let all: Vec<usize> = (0..count).collect();
            let expected: Vec<usize> = all.iter().map(|one| one * 2).collect();
            assert_eq!(each(&all, |one| one * 2), expected);
        }
    }
}
