//! Questions of rows in the shapes that tasks have.

use std::fs;

use olive_kit_text::{Asking, Question, Shots, TextError, Turns, questions, rows};
use serde_json::{Value, json};

use crate::tokenizer;

fn read(row: &Value, settings: &Value) -> Result<Vec<Question>, TextError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), row.to_string()).unwrap();
    let config = json!({"data_name": "json", "data_files": file.path()});
    let rows = rows::read(&serde_json::from_value(config).unwrap()).unwrap();
    let mut plain = json!({"add_special_tokens": false});
    plain.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    questions(&tokenizer(), &rows, &serde_json::from_value(plain).unwrap())
}

fn check(row: &Value, settings: &Value, expected: (&str, &[&str], &[usize])) {
    let (prompt, choices, gold) = expected;
    let choices = choices.iter().map(|&choice| choice.to_owned()).collect();
    let expected = Question { prompt: prompt.into(), choices, gold: gold.into() };
    assert_eq!(read(row, settings).unwrap(), [expected], "{row}");
}

#[test]
fn every_shape_of_a_task_is_read() {
    let none = || json!({});
    let two: &[&str] = &["joy", "fear"];
    for (row, settings, prompt, gold) in [
        (json!({"query": "q", "choices": two, "gold": 1}), none(), "q", &[1][..]),
        (json!({"prompt": "p", "choices": two, "answer": "joy"}), none(), "p", &[0]),
        (json!({"question": "q", "choices": two, "label": "1"}), none(), "q", &[1]),
        (json!({"query": "q", "choices": two, "gold": [0, 1]}), none(), "q", &[0, 1]),
        (
            json!({"question": "q", "choices": {"text": two, "label": ["A", "B"]}, "answerKey": "B"}),
            json!({"prompt_template": "Question: {question}\nAnswer:"}),
            "Question: q\nAnswer:",
            &[1],
        ),
        (
            json!({"query": "q", "choices": two, "tone": "fear"}),
            json!({"answer_template": " {tone}", "add_special_tokens": true}),
            "<bos> q",
            &[1],
        ),
    ] {
        check(&row, &settings, (prompt, two, gold));
    }
}

#[test]
fn a_row_that_is_no_question_is_refused_by_its_place() {
    for (row, told) in [
        (json!({"query": "q", "gold": 0}), "has no column `choices`; it has `query`, `gold`"),
        (json!({"query": "q", "choices": ["joy"], "gold": 0}), "has 1 choices; a question has two"),
        (json!({"query": "q", "choices": "joy", "gold": 0}), "column `choices` of row 1 of"),
        (
            json!({"query": "q", "choices": ["joy", "fear"], "gold": 2}),
            "is `2`, which is none of the choices `joy`, `fear`",
        ),
        (
            json!({"query": "q", "choices": ["joy", "fear"], "answer": "hope"}),
            "column `answer` of row 1 of",
        ),
        (json!({"query": "q", "choices": ["joy", "fear"]}), "has no column `gold`"),
        (json!({"text": "q", "choices": ["joy", "fear"], "gold": 0}), "has no column `prompt`"),
    ] {
        let error = read(&row, &json!({})).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn blocks_of_what_the_assistant_says_leave_no_marks_in_a_prompt() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let row = |prompt| json!({"query": prompt, "choices": ["joy", "fear"], "gold": 1}).to_string();
    fs::write(file.path(), row("asked") + &row("solved")).unwrap();
    let config = json!({"data_name": "json", "data_files": file.path()});
    let rows = rows::read(&serde_json::from_value(config).unwrap()).unwrap();
    let template = "{% for message in messages %}{% if message.role == 'assistant' %}\
                    {% generation %}A:{{ message.content }};{% endgeneration %}\
                    {% else %}U:{{ message.content }};{% endif %}{% endfor %}A:";
    for is_marked in [false, true] {
        let config = json!({"chat_template": template, "assistant_only_loss": is_marked});
        let config = serde_json::from_value(config).unwrap();
        let asking = Asking {
            description: "",
            target_delimiter: None,
            shot_delimiter: "",
            num_shots: 1,
            turns: Some(Turns::Several),
        };
        let shots = Shots { rows: &rows, config: &config };
        let found = asking.questions(&tokenizer(), &rows[..1], &config, shots).unwrap();
        assert_eq!(found[0].prompt, "U:solved;A:fear;U:asked;A:", "{is_marked}");
    }
}

#[test]
fn of_solved_questions_no_more_rows_are_read_than_may_be_needed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (rows, count, expected) in [
        ("{\"a\": 1} {\"a\": 2} {\"a\": 3} no row", 0, 0),
        ("{\"a\": 1} {\"a\": 2} {\"a\": 3} no row", 2, 3),
        ("{\"a\": 1} {\"a\": 1} {\"a\": 2} {\"a\": 1} {\"a\": 3} no row", 2, 5),
        ("{\"a\": 1} {\"a\": 1}", 2, 2),
    ] {
        fs::write(file.path(), rows).unwrap();
        let config = json!({"data_name": "json", "data_files": file.path()});
        let found = Shots::rows(&serde_json::from_value(config).unwrap(), count).unwrap();
        assert_eq!(found.len(), expected, "{count} of {rows}");
    }
}
