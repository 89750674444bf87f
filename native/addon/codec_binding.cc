// Encoder and Decoder for JavaScript. src/codec checks arguments and words the errors; what is checked again
// here is what would otherwise touch memory out of bounds.
#include "addon/codec_binding.h"

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
    decoder_ = std::make_unique<lt::Decoder>(block_bytes, symbol_bytes);
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
    if (symbol.ByteLength() != Open(info.Env(), decoder_).symbol_bytes()) {
      throw BadArgument(info.Env(), "The symbol has a wrong size.");
    }
    return Result(info.Env(), Open(info.Env(), decoder_).Add(esi, symbol.Data()));
  }

  Napi::Value AddMany(const Napi::CallbackInfo& info) {
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
      throw BadArgument(info.Env(), "A Uint32Array is missing.");
    }
    const Napi::Uint32Array esis = info[0].As<Napi::Uint32Array>();
    const Napi::Uint8Array symbols = BytesOf(info[1]);
    const size_t symbol_bytes = Open(info.Env(), decoder_).symbol_bytes();
    if (symbols.ByteLength() != esis.ElementLength() * symbol_bytes) {
      throw BadArgument(info.Env(), "The symbols have a wrong size.");
    }
    lt::AddResult result =
        Open(info.Env(), decoder_).decoded() ? lt::AddResult::kDecoded : lt::AddResult::kNeedMore;
    size_t taken = 0;
    while (taken < esis.ElementLength()) {
      result = Open(info.Env(), decoder_).Add(esis.Data()[taken], symbols.Data() + taken * symbol_bytes);
      if (result == lt::AddResult::kConflict || result == lt::AddResult::kOutOfRange) break;
      taken++;
    }
    Napi::Object answer = Napi::Object::New(info.Env());
    answer.Set("result", Result(info.Env(), result));
    answer.Set("taken", static_cast<double>(taken));
    return answer;
  }

  // Into the caller's buffer if there is one; otherwise the block itself, once.
  Napi::Value Take(const Napi::CallbackInfo& info) {
    lt::Decoder& decoder = Open(info.Env(), decoder_);
    if (info[0].IsUndefined()) {
      gf2::Buffer block = decoder.Release();
      if (block.empty()) return info.Env().Undefined();
      memory_.Report(info.Env(), decoder.memory_bytes());
      return BlockValue(info.Env(), std::move(block));
    }
    Napi::Uint8Array out = BytesOf(info[0]);
    if (out.ByteLength() < decoder.block_bytes()) throw BadArgument(info.Env(), "The block does not fit.");
    return decoder.Take(out.Data()) ? out : info.Env().Undefined();
  }

  Napi::Value Result(Napi::Env env, lt::AddResult result) {
    if (result == lt::AddResult::kDecoded) memory_.Report(env, decoder_->memory_bytes());
    return Napi::Number::New(env, static_cast<int>(result));
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    decoder_.reset();
    memory_.Report(info.Env(), 0);
    return info.Env().Undefined();
  }

  std::unique_ptr<lt::Decoder> decoder_;
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
