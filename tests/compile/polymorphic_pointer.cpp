// expect: procyon: a smart pointer to a class with virtual functions cannot cross to another process: the derived part of the object would be lost; use std::variant, or a pointer to a final class
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

#include <memory>

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
double area_of(const std::shared_ptr<Shape>& shape) { return shape->area(); }
void run(procyon::wire::Writer& writer) {
  procyon::wire::encode_call(writer, area_of, std::shared_ptr<Shape>());
}
