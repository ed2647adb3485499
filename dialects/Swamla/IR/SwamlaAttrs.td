//===- SwamlaAttrs.td - attributes of the dialect ------------*- tablegen -*-===//
#ifndef SWAMLA_ATTRS_TD
#define SWAMLA_ATTRS_TD

include "dialects/Swamla/IR/SwamlaDialect.td"
include "mlir/IR/AttrTypeBase.td"

class Swamla_Attr<string name, string mnemonicName> : AttrDef<Swamla_Dialect, name> { let mnemonic = mnemonicName; }

def Swamla_RmsAttr : Swamla_Attr<"Rms", "rms"> {
  let summary = "RMSNorm: `#swamla.rms<eps = 1.0e-06>`";
  let parameters = (ins "::mlir::FloatAttr":$eps);
  let assemblyFormat = "`<` struct(custom<Number>($eps)) `>`";
}

def Swamla_DytAttr : Swamla_Attr<"Dyt", "dyt"> {
  let summary = "DynamicTanh with alpha's initial value: `#swamla.dyt<alpha = 0.5>`";
  let parameters = (ins "::mlir::FloatAttr":$alpha);
  let assemblyFormat = "`<` struct(custom<Number>($alpha)) `>`";
}

def Swamla_LogitScaleAttr : Swamla_Attr<"LogitScale", "logit_scale"> {
  let summary = "log-n scaling of SWA queries (see swamla.logit_scale_table); without max there is no upper bound";
  let parameters = (ins "::mlir::FloatAttr":$base, "int64_t":$window, "int64_t":$offset, "::mlir::FloatAttr":$min,
                        OptionalParameter<"::mlir::FloatAttr">:$max);
  let assemblyFormat = [{`<` struct(custom<Number>($base), $window, $offset, custom<Number>($min), custom<Number>($max)) `>`}];
}

#endif
