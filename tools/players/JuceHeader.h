// The little of JUCE that the RAVE VST's Rave.h uses.
#pragma once
#include <iostream>
#include <string>
namespace juce {
struct ChangeBroadcaster {
  void sendChangeMessage() {}
};
struct String : std::string {
  String() = default;
  String(const std::string &text) : std::string(text) {}
};
template <class T> struct Range {
  Range(T first, T last) : first(first), last(last) {}
  Range() = default;
  T first{}, last{};
};
} // namespace juce
