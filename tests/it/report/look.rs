//! Pages as a browser shows them: nothing asked for, nothing unnamed, nothing on top of another.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::{fixture, searched};
use crate::playground::Playground;

/// Widths of a window on a desk and of one in a hand.
const WIDTHS: [u32; 2] = [1200, 420];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Variable that names a folder for the pictures.
const PICTURES: &str = "OLIVE_PICTURES";

/// Names that are long, go from right to left, are signs, or look like markup.
const NAMES: [&str; 4] = [
    "كمّي_النموذج",
    "🫒🔬",
    "quantize-the-weights-of-every-linear-layer-in-blocks-of-one-hundred-and-twenty-eight",
    "<b>&quot;",
];

/// Texts of a picture that lie on each other, and texts that leave the box that they are in; what
/// is shown only at a point is left out.
const COLLISIONS: &str = r"(() => {
    const found = [];
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
    for (const svg of document.querySelectorAll('svg')) {
        const texts = [...svg.querySelectorAll('text')].filter(text => !text.closest('.shown'));
        const boxes = texts.map(text => text.getBoundingClientRect());
        texts.forEach((text, one) => texts.slice(0, one).forEach((other, two) => {
            if (meet(boxes[one], boxes[two])) found.push(text.textContent + ' × ' + other.textContent);
        }));
        const whole = svg.getBoundingClientRect();
        boxes.forEach((box, one) => {
            const node = texts[one].closest('.node');
            const room = node ? node.querySelector('rect').getBoundingClientRect() : whole;
            if (box.right > room.right + 1 || box.left < room.left - 1)
                found.push(texts[one].textContent + ' leaves its place');
        });
    }
    return found;
})()";

/// Whether the settings of the point that has the focus are shown, and stay in the picture.
const SHOWN: &str = r"(() => {
    const point = document.querySelector('svg a.point:SELECTOR');
    if (!point) return 'no point';
    const shown = point.querySelector('.shown');
    if (getComputedStyle(shown).opacity !== '1') return 'hidden';
    const room = point.closest('svg').getBoundingClientRect();
    const outside = [...shown.querySelectorAll('text')].some(text => {
        const box = text.getBoundingClientRect();
        return box.right > room.right + 1 || box.bottom > room.bottom + 1;
    });
    return outside ? 'outside' : 'shown';
})()";

/// Lines of intervals that are not seen: without a length, outside of the picture, or in the color
/// that they lie on; or that nothing says who only hears the page.
const WHISKERS: &str = r"(() => {
    const found = [];
    const color = text => text.match(/\d+/g).slice(0, 3).map(Number);
    const lines = [...document.querySelectorAll('svg a.point .whisker')];
    for (const line of lines) {
        const box = line.getBoundingClientRect(), point = line.closest('a');
        const room = line.closest('svg').getBoundingClientRect();
        const card = getComputedStyle(line.closest('.card')).backgroundColor;
        const [ink, paper] = [color(getComputedStyle(line).stroke), color(card)];
        const contrast = Math.max(...ink.map((part, index) => Math.abs(part - paper[index])));
        const name = point.getAttribute('aria-label');
        if (Math.max(box.width, box.height) < 6) found.push('short: ' + name);
        if (box.top < room.top || box.bottom > room.bottom) found.push('outside: ' + name);
        if (contrast < 60) found.push('faint: ' + ink + ' on ' + paper);
        if (!/\([^()]+ to [^()]+\)/.test(name)) found.push('unsaid: ' + name);
    }
    return {lines: lines.length, found};
})()";

#[test]
fn pages_are_as_they_should_be_in_a_browser() {
    let Some(mut browser) = Chromium::start() else { return };
    let playground = searched();
    playground.run().check(0, &[]);
    for (name, run) in runs(&playground) {
        let file = playground.path(&format!("{name}.json"));
        fs::write(&file, run.to_string()).unwrap();
        let page = playground.path(&format!("{name}.html"));
        let (from, to) = (file.display().to_string(), page.display().to_string());
        playground.olive(&["report", &from, "-o", &to]).check(0, &[]);
        if name == "search" {
            for width in WIDTHS {
                let pictures = SCHEMES.map(|scheme| {
                    look(&mut browser, &page, width, scheme);
                    let whiskers = browser.evaluate(WHISKERS);
                    assert_eq!(whiskers, json!({"lines": 4, "found": []}), "{width} {scheme}");
                    picture(&mut browser, name, width, scheme)
                });
                assert_ne!(pictures[0], pictures[1], "the same in light and dark");
            }
        } else {
            look(&mut browser, &page, WIDTHS[1], SCHEMES[1]);
            if env::var_os(PICTURES).is_some() {
                picture(&mut browser, name, WIDTHS[1], SCHEMES[1]);
            }
        }
        points_show_their_settings(&mut browser, &page, name);
    }
}

/// Runs by the name of their page: the search as it went, and others made of it.
fn runs(playground: &Playground) -> Vec<(&'static str, Value)> {
    let mut run: Value = serde_json::from_str(&playground.read("out/run.json")).unwrap();
    be_unsure(&mut run);
    let chosen = run["search"]["chosen"][0].clone();
    let real = serde_json::from_str(&fs::read_to_string(fixture()).unwrap()).unwrap();
    let mut one = run.clone();
    one["search"]["trials"].as_array_mut().unwrap().retain(|trial| trial["number"] == chosen);
    let mut unranked = run.clone();
    unranked["search"]["objectives"] = json!([]);
    let mut plain = run.clone();
    plain.as_object_mut().unwrap().remove("search");
    let mut without = run.clone();
    without["search"]["chosen"] = json!([]);
    vec![
        ("search", run.clone()),
        ("real", real),
        ("many", many(run)),
        ("one", one),
        ("unranked", unranked),
        ("plain", plain),
        ("without", without),
    ]
}

/// Gives every share an interval.
fn be_unsure(run: &mut Value) {
    let models = run["models"].as_array_mut().unwrap().iter_mut();
    let figures = models.flat_map(|model| model["metrics"].as_array_mut().unwrap());
    for figure in figures.filter(|figure| figure["sub_type"] == "exact_match") {
        let value = figure["value"].as_f64().unwrap();
        let (low, high) = (value - 0.05, value + 0.04);
        figure["uncertainty"] = json!({"count": 400, "stderr": 0.02, "low": low, "high": high});
    }
}

/// Fifty trials with names that are hard to show.
fn many(mut run: Value) -> Value {
    let chosen = &run["search"]["chosen"][0];
    let trials = run["search"]["trials"].as_array().unwrap();
    let trial = trials.iter().find(|trial| trial["number"] == *chosen).unwrap().clone();
    let model = run["models"].as_array().unwrap().last().unwrap().clone();
    for number in trials.len() + 1..=50 {
        let name = NAMES[number % NAMES.len()];
        let id = format!("{number:064x}");
        let (mut trial, mut model) = (trial.clone(), model.clone());
        trial["number"] = number.into();
        trial["choices"][0]["pass"] = name.into();
        *trial["models"].as_array_mut().unwrap().last_mut().unwrap() = id.clone().into();
        model["model_id"] = id.into();
        model["pass_name"] = name.into();
        for (index, metric) in model["metrics"].as_array_mut().unwrap().iter_mut().enumerate() {
            let wave = (number * (index * 16 + 21) % 50) as f64 / 50.0;
            metric["value"] =
                if metric["sub_type"] == "bytes" { (wave * 900.0).round() } else { wave }.into();
        }
        run["search"]["trials"].as_array_mut().unwrap().push(trial);
        run["models"].as_array_mut().unwrap().insert(1, model);
    }
    run["workflow_id"] = format!("שלום 🫒 {}", NAMES[2]).into();
    run
}

/// Opens a page and checks it.
fn look(browser: &mut Chromium, page: &Path, width: u32, scheme: &str) {
    let place = format!("{}, {width} pixels, {scheme}", page.display());
    browser.open(page, width, scheme);
    assert_eq!(browser.incidents(), [format!("file://{}", page.display())], "{place}");
    let unnamed: Vec<String> = browser
        .accessible()
        .into_iter()
        .filter(|(role, name)| {
            let must = ["image", "img", "link", "region", "SvgRoot", "heading", "button"];
            must.contains(&role.as_str()) && name.trim().is_empty()
        })
        .map(|(role, _)| role)
        .collect();
    assert!(unnamed.is_empty(), "{place}: without a name: {unnamed:?}");
    let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.evaluate(overflow), 0, "{place} is wider than its window");
    assert_eq!(browser.evaluate(COLLISIONS), json!([]), "{place}");
}

/// The page that is open, as a picture; written into the folder that [`PICTURES`] names, for people.
fn picture(browser: &mut Chromium, name: &str, width: u32, scheme: &str) -> String {
    let picture = browser.picture();
    assert!(picture.starts_with("iVBORw0KGgo"), "{name}: no PNG");
    if let Some(folder) = env::var_os(PICTURES) {
        let file = PathBuf::from(folder).join(format!("{name}-{width}-{scheme}.png"));
        fs::write(file, decoded(&picture)).unwrap();
    }
    picture
}

/// Pointing at a trial and going to it by the keyboard show its settings.
fn points_show_their_settings(browser: &mut Chromium, page: &Path, name: &str) {
    browser.open(page, WIDTHS[0], SCHEMES[0]);
    let place =
        "(() => { const box = document.querySelector('svg a.point .hit'); if (!box) return null;
        box.scrollIntoView({block: 'center'}); const at = box.getBoundingClientRect();
        return [at.left + at.width / 2, at.top + at.height / 2]; })()";
    let place = browser.evaluate(place);
    if name == "plain" {
        assert!(place.is_null());
        return;
    }
    browser.point_at(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    assert_eq!(browser.evaluate(&SHOWN.replace("SELECTOR", "hover")), "shown", "{name}");
    browser.point_at(1.0, 1.0);
    for _ in 0..40 {
        browser.press("Tab", 9);
        if browser.evaluate("document.activeElement.classList.contains('point')") == true {
            break;
        }
    }
    assert_eq!(browser.evaluate(&SHOWN.replace("SELECTOR", "focus-visible")), "shown", "{name}");
}

/// Bytes of base 64.
fn decoded(text: &str) -> Vec<u8> {
    let six = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').map(six).collect();
    let triple = |four: &[u8]| {
        let bits = four.iter().fold(0_u32, |bits, six| bits << 6 | u32::from(*six));
        let bits = bits << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    letters.chunks(4).flat_map(triple).collect()
}
