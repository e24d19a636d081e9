//! What is wrong with a metric, as its config alone shows.

use super::{Average, ClassificationTask, Metric, MetricConfig, MetricKind, SubMetric};

/// Figures of classification.
const CLASSIFICATION: [&str; 5] = ["accuracy_score", "f1_score", "precision", "recall", "auroc"];
/// Figures of multiple choice.
const CHOICE: [&str; 3] = ["acc", "acc_norm", "acc_bytes"];
/// Figures that compare with a reference model.
const COMPARISON: [&str; 2] = ["token_match", "kl_divergence"];

/// Something that no model could be measured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricProblem {
    /// Where, from the metric on: a JSON pointer.
    pub pointer: String,
    /// Name of the kind of finding.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl SubMetric {
    /// Whether the figure is one of classification.
    pub fn is_of_classification(&self) -> bool {
        CLASSIFICATION.contains(&self.name.as_str())
    }

    /// Whether the figure compares with a reference model.
    pub fn is_of_comparison(&self) -> bool {
        COMPARISON.contains(&self.name.as_str())
    }
}

impl Metric {
    /// Everything that is wrong with the settings, whatever the model and the data.
    pub fn problems(&self) -> Vec<MetricProblem> {
        let mut problems = Vec::new();
        self.check_evaluator(&mut problems);
        self.check_asking(&mut problems);
        if self.kind == MetricKind::Accuracy {
            self.check_labels(&mut problems);
            for (index, sub) in self.sub_types.iter().enumerate() {
                self.check_figure(index, sub, &mut problems);
            }
        }
        if self.sample_log_num > 0 && self.sample_log_dir.is_none() {
            problems.push(MetricProblem {
                pointer: "/sample_log_num".into(),
                code: "missing-key",
                message: format!("metric `{}` has no folder for its samples", self.name),
                help: "add `sample_log_dir`, the folder that they go to".into(),
            });
        }
        problems
    }

    /// That those metrics name an evaluator which are measured by one of their choice.
    fn check_evaluator(&self, problems: &mut Vec<MetricProblem>) {
        let settings = &self.user_config;
        let is_custom = self.kind == MetricKind::Custom;
        if is_custom && settings.evaluator.is_none() {
            problems.push(MetricProblem {
                pointer: "/user_config".into(),
                code: "missing-key",
                message: format!("metric `{}` names no evaluator that measures it", self.name),
                help: "add `evaluator` to `user_config`, the name of a plugin's evaluator".into(),
            });
        }
        let written = [
            ("evaluator", settings.evaluator.is_some()),
            ("settings", !settings.settings.is_empty()),
        ];
        let refused = written.into_iter().filter(|(_, is_there)| *is_there && !is_custom);
        problems.extend(refused.map(|(key, _)| MetricProblem {
            pointer: format!("/user_config/{key}"),
            code: "wrong-value",
            message: format!("`{key}` is for metrics of type `custom`"),
            help: format!("write `\"type\": \"custom\"`, or take `{key}` out"),
        }));
    }

    /// That only metrics with multiple choice say how its questions are put, and say no more than is
    /// read.
    fn check_asking(&self, problems: &mut Vec<MetricProblem>) {
        let settings = &self.user_config;
        let is_choice = self.kind == MetricKind::Accuracy
            && self.sub_types.iter().any(|sub| CHOICE.contains(&sub.name.as_str()));
        let has_shots = settings.num_fewshot > 0;
        let is_chat = settings.apply_chat_template;
        let delimits =
            has_shots || (settings.system_instruction.is_some() && settings.description.is_some());
        let written = [
            ("num_fewshot", has_shots, is_choice),
            ("apply_chat_template", is_chat, is_choice),
            ("description", settings.description.is_some(), is_choice),
            ("system_instruction", settings.system_instruction.is_some(), is_choice),
            ("fewshot_data_config", settings.fewshot_data_config.is_some(), has_shots),
            ("fewshot_delimiter", settings.fewshot_delimiter.is_some(), delimits),
            ("fewshot_as_multiturn", settings.fewshot_as_multiturn.is_some(), has_shots && is_chat),
        ];
        let needs = |key: &str| match key {
            "fewshot_data_config" | "fewshot_delimiter" => "`num_fewshot` above 0",
            "fewshot_as_multiturn" => "`num_fewshot` above 0 and `apply_chat_template`",
            _ => "a figure of multiple choice: `acc`, `acc_norm` or `acc_bytes`",
        };
        let idle = written.into_iter().filter(|(_, is_there, is_read)| *is_there && !is_read);
        problems.extend(idle.map(|(key, ..)| MetricProblem {
            pointer: format!("/user_config/{key}"),
            code: "wrong-value",
            message: format!("`{key}` of metric `{}` needs {}", self.name, needs(key)),
            help: format!("add that, or take `{key}` out"),
        }));
    }

    fn check_labels(&self, problems: &mut Vec<MetricProblem>) {
        let labels = &self.user_config.labels;
        let problem = |message: String, help: &str| MetricProblem {
            pointer: "/user_config/labels".into(),
            code: "wrong-value",
            message,
            help: help.into(),
        };
        if labels.len() == 1 {
            let message = format!("metric `{}` has the one label `{}`", self.name, labels[0]);
            problems.push(problem(message, "name every label, or leave them to the data"));
        }
        let twice = |(index, label): &(usize, &String)| {
            labels[..*index].iter().any(|known| known.trim() == label.trim())
        };
        if let Some((_, label)) = labels.iter().enumerate().find(twice) {
            let message = format!("metric `{}` has the label `{label}` twice", self.name);
            problems.push(problem(message, "name every label once"));
        }
    }

    fn check_figure(&self, index: usize, sub: &SubMetric, problems: &mut Vec<MetricProblem>) {
        if sub.is_of_comparison() && self.user_config.reference_model.is_none() {
            problems.push(MetricProblem {
                pointer: format!("/sub_types/{index}/name"),
                code: "missing-key",
                message: format!(
                    "`{}` compares with a reference model, and there is none",
                    sub.name
                ),
                help: "add `reference_model` to `user_config`, the path of a model".into(),
            });
        }
        if sub.is_of_classification() {
            problems.extend(self.misfit(sub).map(|(key, message, help)| MetricProblem {
                pointer: format!("/sub_types/{index}/metric_config/{key}"),
                code: "wrong-value",
                message,
                help,
            }));
        }
    }

    /// The first setting of a figure of classification that does not fit it or the labels.
    fn misfit(&self, sub: &SubMetric) -> Option<(&'static str, String, String)> {
        let MetricConfig { task, num_classes, average, top_k, .. } = sub.metric_config;
        if sub.name == "auroc" && average == Some(Average::Micro) {
            let message = "`auroc` has no average `micro`".to_owned();
            return Some(("average", message, "write `macro` or `weighted`".into()));
        }
        let told = Some(self.user_config.labels.len()).filter(|&count| count > 0);
        if let (Some(count), Some(classes)) = (told, num_classes)
            && count != classes
        {
            let message = format!("`num_classes` is {classes}, and there are {count} labels");
            return Some(("num_classes", message, format!("write {count}, or leave it out")));
        }
        let count = told.or(num_classes)?;
        if task == Some(ClassificationTask::Binary) && count != 2 {
            let message = format!("a `binary` task has 2 labels, and there are {count}");
            return Some(("task", message, "write `multiclass`".into()));
        }
        if let Some(top_k) = top_k.filter(|&top_k| top_k > count) {
            let message = format!("`top_k` is {top_k}, and there are {count} labels");
            return Some(("top_k", message, format!("write at most {count}")));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::metric::Metric;

    #[test]
    fn what_fits_no_model_is_told_with_its_place() {
        let labels = json!(["joy", "anger", "fear"]);
        for (sub_type, settings, expected) in [
            ("f1_score", json!({"average": "macro"}), None),
            ("auroc", json!({"average": "micro"}), Some("/sub_types/0/metric_config/average")),
            ("recall", json!({"num_classes": 4}), Some("/sub_types/0/metric_config/num_classes")),
            ("recall", json!({"task": "binary"}), Some("/sub_types/0/metric_config/task")),
            ("precision", json!({"top_k": 4}), Some("/sub_types/0/metric_config/top_k")),
            ("token_match", json!({}), Some("/sub_types/0/name")),
        ] {
            let metric = json!({
                "name": "tone", "type": "accuracy", "data_config": "rows",
                "sub_types": [{"name": sub_type, "metric_config": settings}],
                "user_config": {"labels": labels},
            });
            let metric: Metric = serde_json::from_value(metric).unwrap();
            let found = metric.problems();
            let places: Vec<_> = found.iter().map(|problem| problem.pointer.as_str()).collect();
            assert_eq!(places, Vec::from_iter(expected), "{sub_type} {settings}");
        }
    }

    #[test]
    fn only_multiple_choice_has_solved_questions() {
        for (figure, settings, expected) in [
            ("acc", json!({"num_fewshot": 2, "fewshot_data_config": "d"}), vec![]),
            ("acc_norm", json!({"apply_chat_template": true, "description": "Choose."}), vec![]),
            ("exact_match", json!({"num_fewshot": 2}), vec!["/user_config/num_fewshot"]),
            ("acc", json!({"fewshot_delimiter": "\n"}), vec!["/user_config/fewshot_delimiter"]),
            (
                "acc",
                json!({"num_fewshot": 1, "fewshot_as_multiturn": false}),
                vec!["/user_config/fewshot_as_multiturn"],
            ),
        ] {
            let metric = json!({
                "name": "m", "type": "accuracy", "data_config": "rows",
                "sub_types": [{"name": figure}], "user_config": settings
            });
            let metric: Metric = serde_json::from_value(metric).unwrap();
            let found: Vec<String> = metric.problems().into_iter().map(|p| p.pointer).collect();
            assert_eq!(found, expected, "{figure} {settings}");
        }
    }

    #[test]
    fn custom_metrics_and_no_others_name_an_evaluator() {
        for (kind, settings, expected) in [
            ("custom", json!({"evaluator": "Acme", "settings": {"a": 1}}), vec![]),
            ("custom", json!({}), vec!["/user_config"]),
            ("size_on_disk", json!({"evaluator": "Acme"}), vec!["/user_config/evaluator"]),
            ("size_on_disk", json!({"settings": {"a": 1}}), vec!["/user_config/settings"]),
        ] {
            let metric = json!({
                "name": "m", "type": kind, "sub_types": [{"name": "x"}], "user_config": settings
            });
            let metric: Metric = serde_json::from_value(metric).unwrap();
            let found: Vec<String> = metric.problems().into_iter().map(|p| p.pointer).collect();
            assert_eq!(found, expected, "{kind} {settings}");
        }
    }

    #[test]
    fn labels_are_two_or_more_and_each_its_own() {
        for (labels, expected) in [
            (json!([]), None),
            (json!(["yes"]), Some("metric `tone` has the one label `yes`")),
            (json!(["yes", "no", " yes"]), Some("metric `tone` has the label ` yes` twice")),
        ] {
            let metric = json!({
                "name": "tone", "type": "accuracy",
                "sub_types": [{"name": "recall"}], "user_config": {"labels": labels},
            });
            let metric: Metric = serde_json::from_value(metric).unwrap();
            let found = metric.problems();
            let messages: Vec<_> = found.iter().map(|problem| problem.message.as_str()).collect();
            assert_eq!(messages, Vec::from_iter(expected));
        }
    }
}
