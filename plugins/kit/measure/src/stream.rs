//! Text of a growing list of tokens, piece by piece.

use olive_kit_text::{TextError, Tokenizer};

/// Decodes tokens as they come, holding back bytes that do not end a character yet.
///
/// A token's text may depend on its neighbors (a leading space, a character of several tokens), so
/// each piece is what a decoded window grows by; the window starts at the last piece. This is the
/// scheme of Text Generation Inference.
pub(crate) struct TextStream<'a> {
    tokenizer: &'a Tokenizer,
    tokens: Vec<u32>,
    window_start: usize,
    told_end: usize,
}

impl<'a> TextStream<'a> {
    pub(crate) fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, tokens: Vec::new(), window_start: 0, told_end: 0 }
    }

    /// The tokens so far.
    pub(crate) fn into_tokens(self) -> Vec<u32> {
        self.tokens
    }

    /// The piece of text that `token` completes, if it completes one.
    pub(crate) fn push(&mut self, token: u32) -> Result<Option<String>, TextError> {
        self.tokens.push(token);
        let piece = self.grown()?;
        if piece.is_empty() || piece.ends_with(char::REPLACEMENT_CHARACTER) {
            return Ok(None);
        }
        self.window_start = self.told_end;
        self.told_end = self.tokens.len();
        Ok(Some(piece))
    }

    /// What was held back at the end of the tokens.
    pub(crate) fn finish(&mut self) -> Result<Option<String>, TextError> {
        let piece = self.grown()?;
        self.told_end = self.tokens.len();
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    fn grown(&self) -> Result<String, TextError> {
        let told = self.tokenizer.decode(&self.tokens[self.window_start..self.told_end])?;
        let mut text = self.tokenizer.decode(&self.tokens[self.window_start..])?;
        let start = text.floor_char_boundary(told.len());
        Ok(text.split_off(start))
    }
}

#[cfg(test)]
mod tests {
    use super::TextStream;
    use crate::toy::tokenizer;

    #[test]
    fn characters_of_several_tokens_come_whole() {
        let tokenizer = tokenizer();
        let text = "Glück, 喜び, 🙂 and back";
        let mut stream = TextStream::new(&tokenizer);
        let mut pieces = Vec::new();
        for token in tokenizer.encode_plain(text).unwrap() {
            pieces.extend(stream.push(token).unwrap());
        }
        assert_eq!(stream.finish().unwrap(), None);
        assert_eq!(pieces.concat(), text);
        assert!(pieces.len() > 5, "{pieces:?}");
        assert!(pieces.iter().all(|piece| !piece.contains(char::REPLACEMENT_CHARACTER)));
    }

    #[test]
    fn a_cut_character_is_told_at_the_end() {
        let tokenizer = tokenizer();
        let tokens = tokenizer.encode_plain("🙂").unwrap();
        let mut stream = TextStream::new(&tokenizer);
        for &token in &tokens[..tokens.len() - 1] {
            assert_eq!(stream.push(token).unwrap(), None);
        }
        assert!(stream.finish().unwrap().unwrap().contains(char::REPLACEMENT_CHARACTER));
    }
}
