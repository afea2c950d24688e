// Where a text that is to be tokenized stands in what it was taken from: some tokenizers put a space in front of a
// text.
#pragma once

namespace kumiko {

enum class TextStart {
  whole,   // at the beginning
  behind,  // behind an added token, or behind a piece that was cut off before it
  inside,  // goes on where another text stopped (a document cut in pieces): nothing is put in front of it
};

}  // namespace kumiko
