// Several documents in one sample, kept apart: what Megatron's reset_attention_mask, reset_position_ids and
// eod_mask_loss make of it. Pure functions over the S input tokens of one sample; the token that ends a document
// belongs to it, and what comes before the first one is a document too.
#pragma once

#include <cstdint>
#include <span>

namespace kumiko {

struct DocumentMask {
  bool reset_attention_mask = false;  // a token attends to none of an earlier document
  bool reset_position_ids = false;    // positions count from 0 in each document
  bool eod_mask_loss = false;         // predicting what follows the end of a document counts for nothing
  int32_t end_of_document = -1;       // the id of that token; an id if any of the above is set

  bool any() const { return reset_attention_mask || reset_position_ids || eod_mask_loss; }
};

// first_keys[i] = where the document of token i begins.
void document_first_keys(std::span<const int32_t> tokens, int32_t end_of_document, std::span<int32_t> first_keys);

// positions[i] = the place of token i in its document.
void document_positions(std::span<const int32_t> tokens, int32_t end_of_document, std::span<int32_t> positions);

// Makes targets[i] -1 where token i ends a document.
void mask_targets_of_ends(std::span<const int32_t> tokens, int32_t end_of_document, std::span<int32_t> targets);

}  // namespace kumiko
