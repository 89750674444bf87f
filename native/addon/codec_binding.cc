// Encoder and Decoder for JavaScript. src/codec checks arguments and words the errors; what is checked again
// here is what would otherwise touch memory out of bounds.
#include "addon/bindings.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "addon/arguments.h"
#include "addon/block_value.h"
#include "lt/codec.h"

namespace murky::addon {
namespace {

// The object behind a pointer that close() empties.
template <typename Object>
Object& Open(Napi::Env env, const std::unique_ptr<Object>& object) {
  if (object) return *object;
  Napi::Error error = Napi::Error::New(env, "The encoder or decoder is closed.");
  error.Set("code", Napi::String::New(env, "MURKY_CLOSED"));
  throw error;
}

// addMany answers symbols taken * kAddResults + lt::AddResult; src/codec/decoder.ts takes it apart.
constexpr size_t kAddResults = 8;

// Tells V8 what a wrapped object holds outside its heap, so that the collector runs in time.
class ExternalMemory {
 public:
  void Report(Napi::Env env, size_t bytes) {
    Napi::MemoryManagement::AdjustExternalMemory(
        env, static_cast<int64_t>(bytes) - static_cast<int64_t>(reported_));
    reported_ = bytes;
  }

 private:
  size_t reported_ = 0;
};

class EncoderObject : public Napi::ObjectWrap<EncoderObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Encoder",
        {InstanceAccessor<&EncoderObject::K>("k"),
         InstanceAccessor<&EncoderObject::SymbolBytes>("symbolBytes"),
         InstanceMethod<&EncoderObject::Symbols>("symbols"), InstanceMethod<&EncoderObject::Close>("close")});
  }

  explicit EncoderObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EncoderObject>(info) {
    const Napi::Uint8Array block = BytesOf(info[0]);
    const size_t symbol_bytes = WholeOf(info[1]);
    if (!lt::ValidBlock(block.ByteLength(), symbol_bytes)) {
      throw BadArgument(info.Env(), "The block cannot be coded with this symbol size.");
    }
    encoder_ = std::make_unique<lt::Encoder>(block.Data(), block.ByteLength(), symbol_bytes);
    memory_.Report(info.Env(), encoder_->memory_bytes());
  }

  void Finalize(Napi::BasicEnv env) override { memory_.Report(Napi::Env(env), 0); }

 private:
  Napi::Value K(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), Open(info.Env(), encoder_).k());
  }
  Napi::Value SymbolBytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(Open(info.Env(), encoder_).symbol_bytes()));
  }

  Napi::Value Symbols(const Napi::CallbackInfo& info) {
    const uint32_t from = WholeOf(info[0]);
    const uint32_t count = WholeOf(info[1]);
    Napi::Uint8Array out = BytesOf(info[2]);
    if (uint64_t{from} + count > uint64_t{lt::kMaxEsi} + 1 ||
        out.ByteLength() / Open(info.Env(), encoder_).symbol_bytes() < count) {
      throw BadArgument(info.Env(), "The symbols do not fit.");
    }
    Open(info.Env(), encoder_).Symbols(from, count, out.Data());
    return info.Env().Undefined();
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    encoder_.reset();
    memory_.Report(info.Env(), 0);
    return info.Env().Undefined();
  }

  std::unique_ptr<lt::Encoder> encoder_;
  ExternalMemory memory_;
};

class DecoderObject : public Napi::ObjectWrap<DecoderObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Decoder",
        {InstanceAccessor<&DecoderObject::K>("k"),
         InstanceAccessor<&DecoderObject::SymbolBytes>("symbolBytes"),
         InstanceAccessor<&DecoderObject::Received>("received"),
         InstanceAccessor<&DecoderObject::Missing>("missing"),
         InstanceAccessor<&DecoderObject::Decoded>("decoded"), InstanceMethod<&DecoderObject::Add>("add"),
         InstanceMethod<&DecoderObject::AddMany>("addMany"), InstanceMethod<&DecoderObject::Take>("take"),
         InstanceMethod<&DecoderObject::Close>("close")});
  }

  explicit DecoderObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DecoderObject>(info) {
    const size_t block_bytes = WholeOf(info[0]);
    const size_t symbol_bytes = WholeOf(info[1]);
    if (!lt::ValidBlock(block_bytes, symbol_bytes)) {
      throw BadArgument(info.Env(), "A block of this size cannot be coded with this symbol size.");
    }
    uint8_t* into = nullptr;
    if (!info[2].IsUndefined()) {
      Napi::Uint8Array room = BytesOf(info[2]);
      const size_t needed = (block_bytes + symbol_bytes - 1) / symbol_bytes * symbol_bytes;
      if (room.ByteLength() < needed) throw BadArgument(info.Env(), "The block does not fit.");
      into_ = Napi::Persistent(room);
      into_bytes_ = needed;
      into = into_data_ = room.Data();
    }
    decoder_ = std::make_unique<lt::Decoder>(block_bytes, symbol_bytes, into);
    memory_.Report(info.Env(), decoder_->memory_bytes());
  }

  void Finalize(Napi::BasicEnv env) override { memory_.Report(Napi::Env(env), 0); }

 private:
  Napi::Value K(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), Open(info.Env(), decoder_).k());
  }
  Napi::Value SymbolBytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(Open(info.Env(), decoder_).symbol_bytes()));
  }
  Napi::Value Received(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), Open(info.Env(), decoder_).received());
  }
  Napi::Value Missing(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), Open(info.Env(), decoder_).missing());
  }
  Napi::Value Decoded(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), Open(info.Env(), decoder_).decoded());
  }

  Napi::Value Add(const Napi::CallbackInfo& info) {
    const uint32_t esi = WholeOf(info[0]);
    const Napi::Uint8Array symbol = BytesOf(info[1]);
    lt::Decoder& decoder = Open(info.Env(), decoder_);
    if (symbol.ByteLength() != decoder.symbol_bytes()) {
      throw BadArgument(info.Env(), "The symbol has a wrong size.");
    }
    CheckInto(info.Env(), symbol);
    const lt::AddResult result = decoder.Add(esi, symbol.Data());
    ReportDecoded(info.Env(), result);
    return Napi::Number::New(info.Env(), static_cast<int>(result));
  }

  Napi::Value AddMany(const Napi::CallbackInfo& info) {
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
      throw BadArgument(info.Env(), "A Uint32Array is missing.");
    }
    const Napi::Uint32Array esis = info[0].As<Napi::Uint32Array>();
    const Napi::Uint8Array symbols = BytesOf(info[1]);
    lt::Decoder& decoder = Open(info.Env(), decoder_);
    const size_t symbol_bytes = decoder.symbol_bytes();
    if (symbols.ByteLength() != esis.ElementLength() * symbol_bytes) {
      throw BadArgument(info.Env(), "The symbols have a wrong size.");
    }
    CheckInto(info.Env(), symbols);
    lt::AddResult result = decoder.decoded() ? lt::AddResult::kDecoded : lt::AddResult::kNeedMore;
    const uint32_t* esi = esis.Data();
    const uint8_t* symbol = symbols.Data();
    const size_t count = esis.ElementLength();
    size_t taken = 0;
    while (taken < count) {
      result = decoder.Add(esi[taken], symbol + taken * symbol_bytes);
      if (result == lt::AddResult::kConflict || result == lt::AddResult::kOutOfRange) break;
      taken++;
    }
    ReportDecoded(info.Env(), result);
    // One number, as an object with two names would cost as much as the crossing itself.
    return Napi::Number::New(info.Env(),
                             static_cast<double>(taken * kAddResults + static_cast<size_t>(result)));
  }

  // Into the caller's buffer if there is one; otherwise the block itself, once. A decoder that was given
  // memory answers with that, all of it.
  Napi::Value Take(const Napi::CallbackInfo& info) {
    lt::Decoder& decoder = Open(info.Env(), decoder_);
    if (info[0].IsUndefined()) {
      CheckInto(info.Env(), {});
      gf2::Buffer block = decoder.Release();
      if (block.empty()) return info.Env().Undefined();
      if (into_data_) return into_.Value();
      memory_.Report(info.Env(), decoder.memory_bytes());
      return BlockValue(info.Env(), std::move(block));
    }
    Napi::Uint8Array out = BytesOf(info[0]);
    if (out.ByteLength() < decoder.block_bytes()) throw BadArgument(info.Env(), "The block does not fit.");
    CheckInto(info.Env(), out);
    return decoder.Take(out.Data()) ? out : info.Env().Undefined();
  }

  // Throws unless the memory that the decoder was given is still there, and none of `other`: its owner may
  // have transferred or resized it since.
  void CheckInto(Napi::Env env, const Napi::Uint8Array& other) {
    if (!into_data_) return;
    const Napi::Uint8Array into = into_.Value();
    if (into.ByteLength() < into_bytes_ || into.Data() != into_data_) {
      throw BadArgument(env, "The decoder's buffer was transferred or resized.");
    }
    if (other.IsEmpty() || other.ByteLength() == 0) return;
    const auto from = reinterpret_cast<uintptr_t>(other.Data());
    const auto own = reinterpret_cast<uintptr_t>(into_data_);
    if (from < own + into_bytes_ && own < from + other.ByteLength()) {
      throw BadArgument(env, "These bytes lie in the decoder's own buffer.");
    }
  }

  void ReportDecoded(Napi::Env env, lt::AddResult result) {
    if (result == lt::AddResult::kDecoded) memory_.Report(env, decoder_->memory_bytes());
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    decoder_.reset();
    into_.Reset();
    memory_.Report(info.Env(), 0);
    return info.Env().Undefined();
  }

  std::unique_ptr<lt::Decoder> decoder_;
  // The caller's memory, if the decoder works in it.
  Napi::Reference<Napi::Uint8Array> into_;
  uint8_t* into_data_ = nullptr;
  size_t into_bytes_ = 0;
  ExternalMemory memory_;
};

Napi::Value Kernel(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), lt::KernelName()); }

Napi::Value BytesOut(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(BlockBytesOut()));
}

}  // namespace

void InitCodec(Napi::Env env, Napi::Object exports) {
  exports.Set("Encoder", EncoderObject::Define(env));
  exports.Set("Decoder", DecoderObject::Define(env));
  exports.Set("kernelName", Napi::Function::New<Kernel>(env, "kernelName"));
  exports.Set("blockBytesOut", Napi::Function::New<BytesOut>(env, "blockBytesOut"));
}

}  // namespace murky::addon
