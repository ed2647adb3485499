// The dialect as one TableGen input.
//===- SwamlaOps.td - all op groups of the dialect -----------*- tablegen -*-===//
include "dialects/Swamla/IR/BlockOps.td"
include "dialects/Swamla/IR/ParamOps.td"
include "dialects/Swamla/IR/FusedOps.td"
include "dialects/Swamla/IR/ViewOps.td"
include "dialects/Swamla/IR/PointwiseOps.td"
include "dialects/Swamla/IR/NormOps.td"
include "dialects/Swamla/IR/AttentionOps.td"
include "dialects/Swamla/IR/MatmulOps.td"
include "dialects/Swamla/IR/LossOps.td"
include "dialects/Swamla/IR/OptimOps.td"
include "dialects/Swamla/IR/QuantOps.td"
